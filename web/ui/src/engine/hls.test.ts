import { Events, type Fragment, type FragLoadingData, type Level, type Part } from 'hls.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followLine, type Player } from './hls-line'

const BITRATES = [250_000, 900_000, 2_200_000]
const PART = 0.2

/** A player of three levels that is at 10 s of a segment that begins at 11 s. */
class Fake {
  autoLevelEnabled = true
  bandwidthEstimate = 10e6
  levels = BITRATES.map((bitrate) => ({ bitrate, details: { targetduration: 2 } }) as Level)
  mainForwardBufferInfo = { len: 1, start: 10, end: 11, bufferedIndex: 0, buffered: [] }
  media = { currentTime: 10 } as HTMLMediaElement
  nextLoadLevel = 2
  readonly emitted: string[] = []
  readonly abort = vi.fn()
  #handlers = new Map<string, (event: string, data: never) => void>()

  on(event: string, handler: (event: string, data: never) => void) {
    this.#handlers.set(event, handler)
  }

  trigger(event: string) {
    this.emitted.push(event)
    return true
  }

  emit(event: string, data: object = {}) {
    this.#handlers.get(event)?.(event, data as never)
  }
}

function segment(level: number, fake: Fake): Fragment {
  return { type: 'main', level, start: 11, abortRequests: fake.abort } as unknown as Fragment
}

function partOf(index: number): Part {
  const stats = { loading: { start: 0, first: 0, end: 0 }, loaded: 0, total: 0, aborted: false }
  return { index, duration: PART, fragOffset: index * PART, stats } as unknown as Part
}

/** Loads a part of so many bytes over a line of bit/s. */
function load(fake: Fake, frag: Fragment, part: Part, size: number, rate: number) {
  const { stats } = part
  fake.emit(Events.FRAG_LOADING, { frag, part } as FragLoadingData)
  stats.total = size
  stats.loading.first = performance.now()
  while (stats.loaded < size && !fake.abort.mock.calls.length) {
    vi.advanceTimersByTime(10)
    stats.loaded = Math.min(size, stats.loaded + rate / 800)
  }
  vi.advanceTimersByTime(100)
}

describe('hls.js and its line', () => {
  let fake: Fake

  beforeEach(() => {
    vi.useFakeTimers()
    vi.advanceTimersByTime(1000)
    fake = new Fake()
    followLine(fake as unknown as Player)
  })

  afterEach(() => {
    fake.emit(Events.DESTROYING)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  it('leaves a segment that comes four times too slowly, for a level that the line carries', () => {
    load(fake, segment(2, fake), partOf(0), 50_000, 600_000)
    expect(fake.abort).toHaveBeenCalledOnce()
    expect(fake.nextLoadLevel).toBe(0)
    expect(fake.bandwidthEstimate).toBeLessThan(300_000)
    expect(fake.emitted).toEqual([Events.FRAG_LOAD_EMERGENCY_ABORTED])
  })

  it('takes the best level of those that the line carries', () => {
    load(fake, segment(2, fake), partOf(0), 50_000, 1_300_000)
    expect(fake.nextLoadLevel).toBe(1)
  })

  it('stays where the line is fast enough', () => {
    const frag = segment(2, fake)
    for (let n = 0; n < 10; n++) load(fake, frag, partOf(n), 50_000, 3_000_000)
    expect(fake.abort).not.toHaveBeenCalled()
  })

  it('goes by what the segment had so far, not by its peak', () => {
    const frag = segment(2, fake)
    load(fake, frag, partOf(0), 20_000, 10_000_000)
    load(fake, frag, partOf(1), 20_000, 900_000) // 0.8 Mb/s are needed
    expect(fake.abort).not.toHaveBeenCalled()
  })

  it('has nowhere to go from the lowest level', () => {
    load(fake, segment(0, fake), partOf(0), 50_000, 100_000)
    expect(fake.abort).not.toHaveBeenCalled()
  })

  it('leaves a choice of the viewer alone', () => {
    fake.autoLevelEnabled = false
    load(fake, segment(2, fake), partOf(0), 50_000, 600_000)
    expect(fake.abort).not.toHaveBeenCalled()
  })

  it('looks at no sound and at no whole segments', () => {
    fake.emit(Events.FRAG_LOADING, { frag: { ...segment(2, fake), type: 'audio' }, part: partOf(0) })
    expect(vi.getTimerCount()).toBe(0)
    fake.emit(Events.FRAG_LOADING, { frag: segment(2, fake), part: null })
    expect(vi.getTimerCount()).toBe(0)
  })
})
