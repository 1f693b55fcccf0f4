// A clock that a machine can read out of a picture, to measure glass-to-glass
// latency: ffmpeg draws the time into each frame the moment it makes it, the test
// page reads it the moment the frame is shown, and both ask the same machine's clock.
//
// The top of the picture holds one row of square blocks, white for 1, black for 0:
//
//   1 0 | time, 24 bits, most significant first | check, 4 bits | 0 1
//
// The time is in milliseconds since 1970, modulo 2^24 (4.66 hours). The check is
// the exclusive or of the time's six nibbles. A row whose frame or check is wrong
// is no clock, and gives no sample instead of a false one.
//
//   node clock.mjs [FPS]    prints the filter for ffmpeg's -vf

/** Bits of time; a multiple of 4. */
export const BITS = 24
const CHECK = 4
const HEAD = [1, 0]
const TAIL = [0, 1]

/** @param {number} bits */
export const blocksFor = (bits) => HEAD.length + bits + CHECK + TAIL.length

/**
 * The filter chain that draws the clock. The time is asked for once a frame: it
 * becomes the frame's timestamp, from which all blocks are computed, so that no
 * frame can show half of one time and half of the next. Then the frame gets its
 * place in a stream of constant rate. With -fps_mode passthrough beside it, ffmpeg
 * holds no frame back.
 *
 * Each block is a box that is drawn or not: at 640x360 the whole costs about 1% of
 * a core. Works with ffmpeg 5.1 and later, at any size whose width is a multiple of
 * the number of blocks (32).
 *
 * @param {number} [bits]
 * @param {string} [fps] the stream's frame rate, as ffmpeg writes it: "30", "30000/1001"
 * @returns {string} for -vf, or for use inside a -filter_complex
 */
export function clockFilter(bits = BITS, fps = '30') {
  const size = `iw/${blocksFor(bits)}`
  const box = (/** @type {number} */ at, /** @type {string} */ when) =>
    `drawbox=x=${at}*${size}:y=0:w=${size}:h=${size}:color=white:t=fill${when}`
  const bit = (/** @type {number} */ n) => `mod(floor((t*1000+.5)/${2 ** n}),2)`
  const drawn = []
  for (let n = bits - 1; n >= 0; n--) drawn.push(bit(n))
  for (let n = CHECK - 1; n >= 0; n--) {
    const nibbles = Array.from({ length: bits / CHECK }, (_, k) => bit(n + k * CHECK))
    drawn.push(`mod(${nibbles.join('+')},2)`)
  }
  return [
    'settb=1/1000',
    "setpts='floor(time(0)*1000)'",
    `drawbox=x=0:y=0:w=iw:h=${size}:color=black:t=fill`,
    box(0, ''),
    ...drawn.map((expression, n) => box(HEAD.length + n, `:enable='${expression}'`)),
    box(blocksFor(bits) - 1, ''),
    `settb=1/(${fps})`,
    'setpts=N',
  ].join(',')
}

/**
 * Reads the clock.
 *
 * @param {{ data: ArrayLike<number>, width: number, height: number }} pixels RGBA: the row of
 *   blocks alone, scaled to any size
 * @param {number} [bits]
 * @returns {number | null} milliseconds modulo 2^bits; null where there is no clock
 */
export function readPixels(pixels, bits = BITS) {
  const blocks = blocksFor(bits)
  const read = Array.from({ length: blocks }, (_, n) => block(pixels, n, blocks))
  if (read.includes(null)) return null
  const at = (/** @type {number} */ n) => /** @type {number} */ (read[n])
  if (HEAD.some((b, n) => at(n) !== b)) return null
  if (TAIL.some((b, n) => at(blocks - TAIL.length + n) !== b)) return null
  let time = 0
  let check = 0
  for (let n = 0; n < bits; n++) time = time * 2 + at(HEAD.length + n)
  for (let n = 0; n < CHECK; n++) check = check * 2 + at(HEAD.length + bits + n)
  return check === checkOf(time, bits) ? time : null
}

/**
 * The exclusive or of a time's nibbles.
 *
 * @param {number} time
 * @param {number} bits
 */
export function checkOf(time, bits = BITS) {
  let check = 0
  for (let n = 0; n < bits; n += CHECK) check ^= Math.floor(time / 2 ** n) % 2 ** CHECK
  return check
}

/**
 * One block's value, from its middle; null where it is neither black nor white.
 *
 * @param {{ data: ArrayLike<number>, width: number, height: number }} pixels
 * @param {number} n
 * @param {number} blocks
 */
function block({ data, width, height }, n, blocks) {
  const size = width / blocks
  let sum = 0
  let count = 0
  for (let y = Math.floor(height * 0.3); y < height * 0.7; y++) {
    for (let x = Math.floor((n + 0.3) * size); x < (n + 0.7) * size; x++) {
      sum += data[4 * (y * width + x)] ?? 0
      count++
    }
  }
  const mean = sum / count
  if (mean > 80 && mean < 176) return null
  return mean < 128 ? 0 : 1
}

/**
 * Reads the clock off a canvas that holds the row of blocks alone.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} [bits]
 */
export function readClock(canvas, bits = BITS) {
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return null
  return readPixels(context.getImageData(0, 0, canvas.width, canvas.height), bits)
}

/**
 * How long ago the clock showed that time, in milliseconds.
 *
 * @param {number} time what was read
 * @param {number} now Date.now()
 */
export function ageOf(time, now, bits = BITS) {
  const wrap = 2 ** bits
  const age = (((now - time) % wrap) + wrap) % wrap
  // A picture can't be from the future: that is the rounding of two clocks' reads.
  return age > wrap - 1000 ? 0 : age
}

// Run by itself, not imported; a browser has no process.
const [, script, fps] = globalThis.process?.argv ?? []
if (script?.endsWith('/clock.mjs')) console.log(clockFilter(BITS, fps))
