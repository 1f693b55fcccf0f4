// Plays a stream in Chromium and prints what was seen, as JSON.
//
//   node harness/drive.mjs --player hls|dash|shaka|native --src URL [options]
//   node harness/drive.mjs --page URL [options]
//
// The first form uses the test page (`npm run build:harness` makes it) and prints
// window.result; the second opens the product's own page and prints what
// window.sluice tells or, of the plain page, what its video element tells.
//
//   --seconds N        how long to play after the first frame (20)
//   --hold             play until standard input ends, however long that is, and
//                      meanwhile print what is shown, twice a second: a line of JSON
//                      with the position (s), the picture's height, its mean colour
//                      (red, green, blue, 0 to 255), what is buffered (s) and the
//                      element's readyState each time
//   --timeout N        how long to wait for the first frame (30)
//   --clock            read the picture's clock (clock.mjs): glass-to-glass samples
//   --screenshot FILE  of the end
//   --size WxH         of the window (1280x800)
//   --insecure         accept any certificate
//   --chromium PATH    else $CHROMIUM, else /usr/bin/chromium
//
// Exits 0 when it could look, however the playing went: judging is the caller's.
// Without a first frame in time the JSON says so (firstFrame null, or the page's
// state) and the exit is 0 too; 1 means that no browser or page could be opened.

import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'

const { values: options } = parseArgs({
  options: {
    player: { type: 'string' },
    src: { type: 'string' },
    page: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    hold: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '30' },
    clock: { type: 'boolean', default: false },
    screenshot: { type: 'string' },
    size: { type: 'string', default: '1280x800' },
    insecure: { type: 'boolean', default: false },
    chromium: { type: 'string', default: process.env.CHROMIUM || '/usr/bin/chromium' },
  },
})
if (!options.page === !options.src || (options.src && !options.player)) {
  throw new Error('give --player and --src, or --page')
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
]

const root = fileURLToPath(new URL('../.harness/', import.meta.url))
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

/** Serves the built test page on a free port. */
async function serve() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = join(root, normalize(pathname === '/' ? '/index.html' : pathname))
    readFile(file).then(
      (body) => {
        const type = types[/** @type {keyof typeof types} */ (extname(file))] ?? 'application/octet-stream'
        response.writeHead(200, { 'content-type': type }).end(body)
      },
      () => response.writeHead(404).end(),
    )
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { server, origin: `http://127.0.0.1:${address.port}` }
}

/** Resolves when whoever started this program lets go of its standard input. */
const released = new Promise((done) => {
  if (options.hold) process.stdin.on('close', done).resume()
})

/** @param {string} origin */
function harnessURL(origin) {
  const query = new URLSearchParams({ player: options.player ?? '', src: options.src ?? '' })
  if (options.clock) query.set('clock', '1')
  return `${origin}/?${query}`
}

// Both run in the page.
const hasStarted = () => {
  const w = /** @type {any} */ (window)
  if (w.sluice) return w.sluice.state === 'playing'
  if (w.result) return w.result.firstFrame !== null
  return (document.querySelector('video')?.currentTime ?? 0) > 0
}
const readPicture = () => {
  const video = document.querySelector('video')
  const b = video?.buffered
  const buffered = Array.from({ length: b?.length ?? 0 }, (_, i) => [b?.start(i), b?.end(i)])
  let colour = [0, 0, 0]
  if (video?.videoHeight) {
    const w = /** @type {any} */ (window)
    w.eye ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
    w.eye.drawImage(video, 0, 0, 1, 1)
    colour = [...w.eye.getImageData(0, 0, 1, 1).data.slice(0, 3)]
  }
  return { currentTime: video?.currentTime ?? 0, height: video?.videoHeight ?? 0, colour, buffered, readyState: video?.readyState, seeking: video?.seeking }
}
const readPage = () => {
  const w = /** @type {any} */ (window)
  if (w.result) return w.result
  if (!w.sluice) {
    const video = /** @type {any} */ (document.querySelector('video'))
    return {
      errors: video.error ? [{ detail: video.error.message }] : [],
      currentTime: video.currentTime,
      videoFrames: video.getVideoPlaybackQuality().totalVideoFrames,
      audioBytes: video.webkitAudioDecodedByteCount,
    }
  }
  const { engine, state, note, errors, fatalErrors } = w.sluice
  return { engine, state, note, errors, fatalErrors, latency: w.sluice.latency(), stats: w.sluice.stats() }
}

/**
 * Prints what is shown until it's released.
 * @param {import('playwright-core').Page} page
 */
async function hold(page) {
  let held = true
  const over = released.then(() => (held = false))
  while (held) {
    console.log(JSON.stringify(await page.evaluate(readPicture)))
    await Promise.race([over, page.waitForTimeout(500)])
  }
}

async function drive() {
  const { server, origin } = await serve()
  const browser = await chromium.launch({ executablePath: options.chromium, args: flags })
  try {
    const [width = 1280, height = 800] = options.size.split('x').map(Number)
    const context = await browser.newContext({ viewport: { width, height }, ignoreHTTPSErrors: options.insecure })
    const page = await context.newPage()
    /** @type {string[]} */
    const uncaught = []
    page.on('pageerror', (e) => uncaught.push(e.message))
    await page.goto(options.page ?? harnessURL(origin))
    const started = await page
      .waitForFunction(hasStarted, null, { timeout: 1000 * Number(options.timeout), polling: 50 })
      .then(() => true, () => false)
    if (options.hold) await hold(page)
    else if (started) await page.waitForTimeout(1000 * Number(options.seconds))
    const seen = await page.evaluate(readPage)
    if (options.screenshot) await page.screenshot({ path: options.screenshot })
    console.log(JSON.stringify({ started, uncaught, ...seen }))
  } finally {
    await browser.close()
    server.close()
  }
}

try {
  await drive()
} catch (cause) {
  console.error(`drive: ${cause instanceof Error ? cause.message : cause}`)
  process.exitCode = 1
}
