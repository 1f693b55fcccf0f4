import { Events, type Level, type LevelLoadingData } from 'hls.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { leaveHanging, type Player } from './hls-hang'

const BASE = 'https://example.com/live/cam/~token/'
const RUNGS = ['144p', '240p', 'source']

/** A player of three levels that has room for the best one. */
class Fake {
  autoLevelEnabled = true
  bandwidthEstimate = 10e6
  nextLoadLevel = 1
  config = { minAutoBitrate: 0 }
  levels = RUNGS.map(
    (name, n) =>
      ({ bitrate: 300_000 * (n + 1) ** 2, uri: `${BASE}${name}/index.m3u8`, loadError: 0, loadErrorTime: 0, details: { partHoldBack: 1 } }) as Level,
  )
  #handlers = new Map<string, (event: string, data: never) => void>()

  on(event: string, handler: (event: string, data: never) => void) {
    this.#handlers.set(event, handler)
  }

  emit(event: string, data: object = {}) {
    this.#handlers.get(event)?.(event, data as never)
  }

  /** Asks for part 12.3 of a level, to be answered when it's there. */
  waits(level: number, directives: object | null = { msn: 12, part: 3 }) {
    const levelInfo = this.levels[level]
    this.emit(Events.LEVEL_LOADING, {
      level, levelInfo, url: `${levelInfo?.uri}?_HLS_msn=12&_HLS_part=3&_HLS_skip=YES`, deliveryDirectives: directives,
    } as LevelLoadingData)
  }
}

const loaded = (level: number, lastPartSn: number, lastPartIndex: number) => ({ level, details: { lastPartSn, lastPartIndex } })

/** A playlist whose siblings have come so far. */
const playlist = (...reports: [rung: string, msn: number, part?: number][]) =>
  ['#EXTM3U', ...reports.map(([rung, msn, part]) =>
    `#EXT-X-RENDITION-REPORT:URI="../${rung}/index.m3u8",LAST-MSN=${msn}${part === undefined ? '' : `,LAST-PART=${part}`}`), ''].join('\n')

describe('hls.js at a rung that hangs', () => {
  let fake: Fake
  const asked = vi.fn<typeof fetch>()
  const answers = (text: string, status = 200) => asked.mockImplementation(() => Promise.resolve(new Response(text, { status })))

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('fetch', asked)
    asked.mockReset()
    fake = new Fake()
    leaveHanging(fake as unknown as Player)
  })

  afterEach(() => {
    fake.emit(Events.DESTROYING)
    expect(vi.getTimerCount()).toBe(0)
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('waits as long for a level that it has just joined', async () => {
    answers(playlist())
    delete fake.levels[1]?.details
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(499)
    expect(asked).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(fake.nextLoadLevel).toBe(2)
  })

  it.each([
    ['by all of PART-HOLD-BACK', { 'LAST-MSN': '12', 'LAST-PART': '7' }, 0],
    ['by a segment', { 'LAST-MSN': '13' }, 0],
    ['as encoders are', { 'LAST-MSN': '12', 'LAST-PART': '4' }, 500],
    ['and ahead of the others', { 'LAST-MSN': '11', 'LAST-PART': '9' }, 500],
  ])('waits less for a level that is behind: %s', async (_, report, patience) => {
    answers(playlist())
    const details = { url: `${BASE}240p/index.m3u8`, partHoldBack: 1, partTarget: 0.2, targetduration: 2, lastPartSn: 12, lastPartIndex: 2, renditionReports: [report] }
    Object.assign(fake.levels[1] ?? {}, { details })
    fake.waits(1)
    if (patience > 0) {
      await vi.advanceTimersByTimeAsync(patience - 1)
      expect(asked).not.toHaveBeenCalled()
    }
    await vi.advanceTimersByTimeAsync(1)
    expect(fake.nextLoadLevel).toBe(2)
  })

  it('goes on in the best level that has gone on, and is kept off this one', async () => {
    answers(playlist(['144p', 12, 3], ['240p', 12, 2], ['audio', 12, 4]))
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(499)
    expect(asked).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(String(asked.mock.calls[0]?.[0])).toBe(`${BASE}source/index.m3u8?_HLS_msn=12&_HLS_part=4`)
    expect(fake.nextLoadLevel).toBe(2)
    expect(fake.levels[1]).toMatchObject({ loadError: 1, loadErrorTime: performance.now() })
    expect(fake.levels[2]).toMatchObject({ loadError: 0 })
    expect(fake.levels[0]).toMatchObject({ loadError: 0 })
  })

  it('takes what the line carries, or the least of what has gone on', async () => {
    answers(playlist(['240p', 12, 2], ['144p', 12]))
    fake.bandwidthEstimate = 1e6
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(fake.nextLoadLevel).toBe(0)

    answers(playlist(['240p', 12, 2], ['144p', 12, 2]))
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(fake.nextLoadLevel).toBe(2)
    expect(fake.levels[0]).toMatchObject({ loadError: 1 }) // it hangs too
  })

  it('asks the next best when it is the best that hangs', async () => {
    answers(playlist(['source', 12, 2], ['144p', 12, 4]))
    fake.waits(2)
    await vi.advanceTimersByTimeAsync(500)
    expect(fake.nextLoadLevel).toBe(1)
    expect(fake.levels[2]).toMatchObject({ loadError: 1 })
  })

  it('keeps hls.js off the least of all while it hangs, and lets it back when it has gone on', async () => {
    answers(playlist(['240p', 12, 2], ['144p', 12, 2]))
    fake.waits(0)
    await vi.advanceTimersByTimeAsync(500)
    expect(fake.nextLoadLevel).toBe(2)
    expect(fake.config.minAutoBitrate).toBe(fake.levels[2]?.bitrate)

    const report = (rung: string, msn: number, part: number) =>
      ({ URI: `../${rung}/index.m3u8`, 'LAST-MSN': String(msn), 'LAST-PART': String(part) })
    const source = (msn: number, part: number, ...renditionReports: object[]) =>
      fake.emit(Events.LEVEL_LOADED, {
        level: 2,
        details: {
          url: `${BASE}source/index.m3u8`, partHoldBack: 1, partTarget: 0.2, targetduration: 2, lastPartSn: msn, lastPartIndex: part, renditionReports,
        },
      })
    source(12, 6, report('144p', 12, 2), report('240p', 12, 3)) // near, but no further than they were
    expect(fake.levels[0]?.loadError).toBe(1)
    source(13, 9, report('144p', 13, 3), report('240p', 13, 4)) // further, but behind by a second
    expect(fake.levels[0]?.loadError).toBe(1)
    source(14, 1) // not there at all
    expect(fake.config.minAutoBitrate).toBe(fake.levels[2]?.bitrate)
    source(15, 4, report('144p', 15, 0), report('240p', 15, 3))
    expect(fake.levels.map(({ loadError }) => loadError)).toEqual([0, 0, 0])
    expect(fake.config.minAutoBitrate).toBe(0)
  })

  it('stays where it is the line that is late', async () => {
    answers(playlist(['144p', 12, 4], ['240p', 12, 4]))
    fake.waits(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fake.nextLoadLevel).toBe(1)
    expect(fake.levels.map(({ loadError }) => loadError)).toEqual([0, 0, 0])
    expect(fake.config.minAutoBitrate).toBe(0)
  })

  it('stays where nothing has gone on', async () => {
    for (const answer of [
      () => new Promise<Response>(() => undefined), // nobody has: it waits too
      () => Promise.resolve(new Response('', { status: 410 })),
      () => Promise.reject(new TypeError('network')),
    ]) {
      asked.mockImplementation(answer)
      fake.waits(1)
      await vi.advanceTimersByTimeAsync(60_000)
      expect(fake.nextLoadLevel).toBe(1)
      expect(fake.levels[1]?.loadError).toBe(0)
    }
  })

  it('asks nothing in time and without a wait, and leaves nothing that somebody has chosen', async () => {
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(300)
    fake.emit(Events.LEVEL_LOADED, loaded(1, 12, 3))
    await vi.advanceTimersByTimeAsync(60_000)
    fake.waits(1, null)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).not.toHaveBeenCalled()
    answers(playlist())
    fake.autoLevelEnabled = false
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fake.nextLoadLevel).toBe(1)
  })

  it('waits on, though it is told only now of what was there before', async () => {
    answers(playlist())
    fake.waits(1)
    fake.emit(Events.LEVEL_LOADED, loaded(1, 12, 2))
    fake.emit(Events.LEVEL_LOADED, loaded(0, 13, 0))
    await vi.advanceTimersByTimeAsync(500)
    expect(fake.nextLoadLevel).toBe(2)
  })

  it('forgets what comes too late', async () => {
    let answer: (r: Response) => void = () => undefined
    asked.mockImplementation(() => new Promise((resolve) => (answer = resolve)))
    fake.waits(1)
    await vi.advanceTimersByTimeAsync(500)
    fake.emit(Events.LEVEL_LOADED, loaded(1, 13, 0))
    answer(new Response(playlist()))
    await vi.advanceTimersByTimeAsync(1)
    expect(fake.nextLoadLevel).toBe(1)
  })
})
