import type { FragmentRequest, MediaInfo, MediaPlayerClass, Representation } from 'dashjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { beyond, leaveStandstills, type Element } from './dash-still'
import { followLine } from './dash-line'
import { Meter } from './dash-meter'
import { loadOnce, once, type Handler } from './dash-once'
import { above, Ceiling, isLate, wayOut, type Outlook } from './rungs'

function box(type: string, size: number, large = false): Uint8Array {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, large ? 1 : size)
  for (let n = 0; n < 4; n++) view.setUint8(4 + n, type.charCodeAt(n))
  if (large) view.setBigUint64(8, BigInt(size))
  return bytes
}

function join(...all: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(all.reduce((sum, b) => sum + b.length, 0))
  let at = 0
  for (const b of all) {
    bytes.set(b, at)
    at += b.length
  }
  return bytes
}

/** A part of so many bytes. */
const part = (size: number, large = false) => join(box('moof', 100), box('mdat', size - 100, large))

/** Lets bytes arrive over a line of kbit/s, in packets, from a moment on; returns when the last has. */
function arrive(meter: Meter, bytes: Uint8Array, rate: number, from: number, packet = 1448): number {
  let now = from
  for (let at = 0; at < bytes.length; at += packet) {
    const piece = bytes.subarray(at, at + packet)
    now += (8 * piece.length) / rate
    meter.read(piece, now)
  }
  return now
}

describe('the meter', () => {
  it('takes waiting for the next part for no transfer', () => {
    for (const large of [false, true]) {
      const meter = new Meter()
      for (let n = 0; n < 10; n++) arrive(meter, part(40_000, large), 8000, 200 * n)
      expect(meter.received).toBe(400_000)
      expect(meter.duration()).toBeCloseTo(400, 0) // 3.2 Mbit at 8 Mb/s
    }
  })

  it('finds the parts in reads that are cut anywhere', () => {
    const expected = new Meter()
    const meter = new Meter()
    const two = join(part(5000), part(5000))
    expected.read(two, 0)
    expected.read(part(5000), 1000)
    for (let n = 0; n < two.length; n++) meter.read(two.subarray(n, n + 1), 0)
    meter.read(part(5000), 1000)
    expect(meter.rate()).toBeNull() // the second it waited is not counted
    expect(expected.rate()).toBeNull()
  })

  it('sees within a part that the line is thin', () => {
    const meter = new Meter()
    let now = 0
    for (let n = 0; n < 5; n++) now = arrive(meter, part(45_000), 10_000, 200 * n)
    arrive(meter, part(45_000).subarray(0, 20_000), 600, 1000)
    expect(now).toBeLessThan(1000)
    expect(meter.rate()).toBeCloseTo(600, -1)
    expect((8 * meter.received) / meter.duration()).toBeCloseTo(600, -1)
  })

  it('sees a rate of late only after a while of transfer', () => {
    const meter = new Meter()
    arrive(meter, part(7500), 600, 0)
    expect(meter.rate()).toBeNull()
  })

  it('takes a line for fast when parts come at once', () => {
    const meter = new Meter()
    for (let n = 0; n < 10; n++) meter.read(part(7500), 200 * n)
    expect(meter.duration()).toBe(10)
  })

  it('takes what comes in no time for something', () => {
    const meter = new Meter()
    arrive(meter, part(7500), Infinity, 0)
    expect(meter.duration()).toBeGreaterThan(0)
  })
})

/** A segment of 2 s at 1800 kbit/s of which half exists and has come, with a second in the buffer. */
const half: Outlook = { rate: 10_000, left: 1800, published: 1, ends: 2, buffer: 1 }

describe('rungs', () => {
  it('a segment is late when playback reaches its end before it', () => {
    expect(isLate(half)).toBe(false)
    expect(isLate({ ...half, rate: 1300 })).toBe(false)
    expect(isLate({ ...half, rate: 600 })).toBe(true)
    expect(isLate({ ...half, rate: 600, left: 300 })).toBe(false)
  })

  it('the way out is the best that catches up', () => {
    const below = [1200, 700, 400]
    expect(wayOut({ ...half, rate: 1700 }, below)).toBe(0)
    expect(wayOut({ ...half, rate: 1500 }, below)).toBe(1) // carried, but there too late
    expect(wayOut({ ...half, rate: 1200 }, below)).toBe(1)
    expect(wayOut({ ...half, rate: 300 }, below)).toBe(2)
    expect(wayOut(half, [])).toBe(-1)
  })

  it('go up one by one, as far as allowed', () => {
    const [top, middle, low] = [2000, 1200, 400].map((bitrateInKbit) => ({ bitrateInKbit }))
    if (!top || !middle || !low) throw new Error('three')
    const all = [top, middle, low]
    expect(above(low, all, () => true)).toBe(middle)
    expect(above(middle, all, () => true)).toBe(top)
    expect(above(top, all, () => true)).toBe(top)
    expect(above(low, all, () => false)).toBe(low)
  })

  it('that were too much are left alone for a while, and longer the next time', () => {
    const ceiling = new Ceiling()
    expect(ceiling.allows(2000, 0)).toBe(true)
    ceiling.left(2000, 0)
    expect(ceiling.allows(2000, 7999)).toBe(false)
    expect(ceiling.allows(1200, 7999)).toBe(true)
    expect(ceiling.allows(2000, 8000)).toBe(true)
    ceiling.left(2000, 10_000)
    expect(ceiling.allows(2000, 25_999)).toBe(false)
    expect(ceiling.allows(2000, 26_000)).toBe(true)
    let now = 26_000
    for (let n = 0; n < 10; n++) ceiling.left(2000, now)
    expect(ceiling.allows(2000, now + 64_000)).toBe(true)
    now += 64_000 + 30_000
    ceiling.left(2000, now)
    expect(ceiling.allows(2000, now + 8000)).toBe(true)
  })

  it('that are left one after the other are not held for longer', () => {
    const ceiling = new Ceiling()
    for (const bitrate of [2000, 1200, 700]) ceiling.left(bitrate, 0)
    expect(ceiling.allows(700, 7999)).toBe(false)
    expect(ceiling.allows(2000, 8000)).toBe(true)
  })
})

/** One whose timeline lists two seconds from 8 s on, and so many from 10 s on. */
function representation(id: string, bitrateInKbit: number, listed = 2): Representation {
  const S = [{ t: 8 * 90, d: 2 * 90 }, ...(listed > 0 ? [{ d: listed * 90 }] : [])]
  const manifest = { Period: [{ AdaptationSet: [{ Representation: [{ SegmentTemplate: { timescale: 90, SegmentTimeline: { S } } }] }] }] }
  return { id, bitrateInKbit, index: 0, adaptation: { index: 0, period: { index: 0, mpd: { manifest } } } } as unknown as Representation
}
const [source, middle, low] = [representation('source', 1800), representation('240p', 800), representation('144p', 300)]

/** As much of dash.js as followLine() uses. */
class Player {
  readonly rules = new Map<string, Record<string, (context: object) => { representation: Representation | null }>>()
  readonly reports: object[] = []
  line = 10_000
  playing: Representation = source
  rungs = [low, middle, source]
  #intercept: (request: object) => Promise<object> = (r) => Promise.resolve(r)
  #read: () => Promise<{ done: boolean; value?: Uint8Array }> = () => Promise.resolve({ done: true })
  #arrives: { done: boolean; value?: Uint8Array } = { done: true }
  request = {}

  addRequestInterceptor(intercept: (request: object) => Promise<object>): void {
    this.#intercept = intercept
  }

  addABRCustomRule(_: string, name: string, factory: () => { create(): Record<string, (context: object) => { representation: Representation | null }> }): void {
    this.rules.set(name, factory().create())
  }

  /** Asks for a segment that starts at 10 s, and is answered. */
  async asks(mediaType = 'video'): Promise<void> {
    this.request = { mediaType, startTime: 110, mediaStartTime: 10, duration: 0.2, representation: this.playing }
    const customData: { request: object; reader?: { read: Player['next'] }; onprogress: (e: object) => void } = {
      request: this.request,
      onprogress: (e) => this.reports.push(e),
    }
    await this.#intercept({ customData })
    customData.reader = { read: () => Promise.resolve(this.#arrives) }
    const { reader } = customData
    this.#read = async () => {
      const result = await reader.read()
      if (result.done) customData.onprogress({ lengthComputable: true, time: 1 })
      return result
    }
  }

  next(value?: Uint8Array): Promise<{ done: boolean; value?: Uint8Array }> {
    this.#arrives = value ? { done: false, value } : { done: true }
    return this.#read()
  }

  asked(name: string, method: string): string | undefined {
    return this.rules.get(name)?.[method]?.(this.#context()).representation?.id
  }

  #context(): object {
    return {
      getAbrController: () => ({ getPossibleVoRepresentationsFilteredBySettings: () => this.rungs }),
      getMediaInfo: () => ({}),
      getMediaType: () => 'video',
      getRepresentation: () => this.playing,
      getStreamInfo: () => ({ manifestInfo: { maxFragmentDuration: 2 } }),
      getThroughputController: () => ({ getSafeAverageThroughput: () => this.line }),
      getCurrentRequest: () => this.request,
    }
  }
}

describe('dash.js on a line', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  const video = (currentTime: number, end: number) =>
    ({ currentTime, buffered: { length: 1, start: () => 0, end: () => end } }) as unknown as HTMLVideoElement
  const follow = (element = video(109.2, 110.2)) => {
    const player = new Player()
    followLine(player as unknown as MediaPlayerClass, element)
    return player
  }
  /** Lets bytes come at a rate in kbit/s. */
  const comes = async (player: Player, bytes: Uint8Array, rate: number) => {
    for (let at = 0; at < bytes.length; at += 2896) {
      const piece = bytes.subarray(at, at + 2896)
      vi.advanceTimersByTime((8 * piece.length) / rate)
      await player.next(piece)
    }
  }
  const leave = (player: Player) => player.asked('LeaveSlowSegment', 'shouldAbandon')

  it('leaves a segment that comes too slowly, once', async () => {
    const player = follow()
    await player.asks()
    await comes(player, part(45_000), 10_000)
    expect(leave(player)).toBeUndefined()
    expect(player.reports).toEqual([])
    await comes(player, part(45_000).subarray(0, 20_000), 600)
    expect(player.reports[0]).toEqual({ lengthComputable: false, noTrace: true }) // dash.js asks then
    expect(leave(player)).toBe('144p')
    expect(leave(player)).toBeUndefined()
  })

  it('stays where the line carries it, where there is time, and where nothing is below', async () => {
    for (const [element, playing, rate] of [
      [video(109.2, 110.2), source, 4000],
      [video(102, 110.2), source, 600],
      [video(109.2, 110.2), low, 100],
    ] as const) {
      const player = follow(element)
      player.playing = playing
      await player.asks()
      await comes(player, part(45_000), rate)
      expect(leave(player)).toBeUndefined()
    }
  })

  it('leaves a segment only for a rung that has it', async () => {
    const player = follow()
    const hangs = representation('144p', 300, 0)
    player.rungs = [hangs, source]
    await player.asks()
    await comes(player, part(45_000), 600)
    expect(leave(player)).toBeUndefined()
    player.rungs = [hangs, representation('240p', 800, 0.1), source]
    expect(leave(player)).toBe('240p')
  })

  it('leaves no sound', async () => {
    const player = follow()
    await player.asks('audio')
    await comes(player, part(45_000), 600)
    expect(leave(player)).toBeUndefined()
  })

  it('expects of a segment what the last one had', async () => {
    const player = follow()
    await player.asks()
    await comes(player, part(46_000), 600)
    await player.next()
    await player.asks()
    await comes(player, part(45_000), 600)
    expect(leave(player)).toBeUndefined()
  })

  it('tells dash.js how long the transfer took', async () => {
    const player = follow()
    await player.asks()
    for (let n = 0; n < 10; n++) {
      vi.advanceTimersByTime(150)
      await comes(player, part(40_000), 8000)
    }
    await player.next()
    expect(player.reports.at(-1)).toMatchObject({ lengthComputable: true })
    expect((player.reports.at(-1) as { time: number }).time).toBeCloseTo(400, -1)
  })

  it('goes up by one rung, and not at once to what it has left', () => {
    const player = follow()
    const limit = () => player.asked('OneRungUp', 'getSwitchRequest')
    expect(limit()).toBe('source')
    player.playing = low
    expect(limit()).toBe('240p')
    player.playing = middle
    expect(limit()).toBe('240p')
    vi.advanceTimersByTime(8000)
    expect(limit()).toBe('source')
    player.line = 1000
    expect(limit()).toBe('240p')
    player.line = Number.NaN
    expect(limit()).toBeUndefined()
  })
})

describe('segments', () => {
  /** A handler as dash.js's: what follows the last segment is found behind what was listed of it. */
  function handler() {
    const listed: [start: number, duration: number][] = [[0, 2], [2, 0.2]]
    let last: FragmentRequest | null = null
    const at = (time: number) => {
      const found = listed.find(([start, duration]) => time >= start && time < start + duration)
      if (!found) return null
      last = { startTime: found[0], duration: found[1], endDate: null as Date | null } as FragmentRequest & { endDate: Date | null }
      return last
    }
    const parent: Handler = {
      getNextSegmentRequest: () => at(last ? last.startTime + last.duration + 0.01 : 0),
      getSegmentRequestForTime: (_m, _r, time) => at(time),
      isLastSegmentRequested: (_, time) => last !== null && last.startTime + last.duration <= time,
      repeatSegmentRequest: () => parent.getNextSegmentRequest(media, source),
    }
    return { listed, parent }
  }
  const media = {} as MediaInfo

  it('are loaded once, though they grow', () => {
    const { listed, parent } = handler()
    const { getNextSegmentRequest: next, isLastSegmentRequested: last } = once(parent)
    expect(next(media, source)).toMatchObject({ startTime: 0 })
    const open = next(media, source)
    expect(open).toMatchObject({ startTime: 2, duration: 0.2 })
    expect(next(media, source)).toBeNull()
    listed.splice(1, 1, [2, 1.8])
    expect(next(media, low)).toBeNull() // the same again, in full
    expect(open).toMatchObject({ duration: 1.8 })
    expect(last(source, 2.2)).toBe(false) // it's still coming
    Object.assign(open ?? {}, { endDate: new Date() })
    expect(last(source, 2.2)).toBe(true)
    listed.push([3.8, 0.2])
    expect(next(media, low)).toMatchObject({ startTime: 3.8 })
  })

  it('that dash.js leaves out are not waited for', () => {
    const { listed, parent } = handler()
    const ignored = new Set<string>()
    const { getNextSegmentRequest: next, isLastSegmentRequested: last } = once(parent, ignored)
    next(media, source)
    const broken = Object.assign(next(media, source) ?? {}, { url: '/broken.m4s' })
    listed.splice(1, 1, [2, 1.8])
    expect(next(media, source)).toBeNull()
    expect(last(source, 2.2)).toBe(false)
    ignored.add(broken.url)
    expect(last(source, 2.2)).toBe(true) // it has no end, and never will
  })

  it('that broke the decoder are told by dash.js itself', () => {
    const { parent } = handler()
    let made: Handler | null = null
    const listeners = new Map<string, (e: { entry: string }) => void>()
    loadOnce({
      on: (type: string, listener: (e: { entry: string }) => void) => void listeners.set(type, listener),
      extend: (_: string, extension: (this: { parent: Handler }) => Handler) => void (made = extension.call({ parent })),
    } as unknown as MediaPlayerClass)
    const { getNextSegmentRequest: next, isLastSegmentRequested: last } = made as unknown as Handler
    const broken = Object.assign(next(media, source) ?? {}, { url: '/broken.m4s' })
    expect(last(source, 2)).toBe(false)
    listeners.get('segmentLocationBlacklistChanged')?.({ entry: broken.url })
    expect(last(source, 2)).toBe(true)
  })

  it('are loaded again where they were left', () => {
    const { listed, parent } = handler()
    const { getNextSegmentRequest: next, repeatSegmentRequest: again } = once(parent)
    next(media, source)
    expect(again(media, low)).toMatchObject({ startTime: 0 })
    expect(next(media, low)).toMatchObject({ startTime: 2, duration: 0.2 })
    listed.splice(1, 1, [2, 1.8], [3.8, 0.2])
    expect(again(media, source)).toMatchObject({ startTime: 2, duration: 1.8 })
    listed.splice(1)
    expect(again(media, low)).toBeNull() // not yet in this rung
    listed.push([2, 1.8])
    expect(again(media, low)).toMatchObject({ startTime: 2 })
  })

  it('are loaded again when asked for by their time', () => {
    const { parent } = handler()
    const { getNextSegmentRequest: next, getSegmentRequestForTime: find, isLastSegmentRequested: last } = once(parent)
    next(media, source)
    expect(find(media, low, 0.1)).toMatchObject({ startTime: 0 })
    expect(find(media, low, 50)).toBeNull()
    expect(last(source, 1)).toBe(false)
  })
})

describe('dash.js that stands still', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const ranges = (...all: [number, number][]) =>
    ({ length: all.length, start: (n: number) => all[n]?.[0] ?? NaN, end: (n: number) => all[n]?.[1] ?? NaN }) as TimeRanges
  const element = (currentTime: number): { -readonly [K in keyof Element]: Element[K] } => ({
    currentTime, paused: false, seeking: false, buffered: ranges([985.22, 990.814], [991.214, 1009.214]),
  })
  const hour = 3_600_000

  it('at a hole goes on behind it', () => {
    expect(beyond(element(990.814), 1000, 1000)).toBeCloseTo(991.264)
    expect(beyond(element(990.814), 999, 999)).toBeNull()
    expect(beyond(element(991), 1000, 0)).toBeCloseTo(991.264) // while it seeks to there
    expect(beyond(element(980), hour, hour)).toBeNull()
    expect(beyond(element(1009.2), hour, hour)).toBeNull()
    expect(beyond({ ...element(5), buffered: ranges() }, hour, hour)).toBeNull()
  })

  it('in the midst of its buffer seeks to where it is', () => {
    expect(beyond(element(988), 500, 500)).toBeCloseTo(988.05)
    expect(beyond(element(988), 499, 499)).toBeNull()
    expect(beyond(element(990.4), hour, hour)).toBeNull() // waits for more
  })

  it('is let seek for as long as it takes, and then a while to begin', () => {
    const video = { ...element(988), seeking: true }
    const stop = leaveStandstills(video)
    vi.advanceTimersByTime(10_000)
    video.seeking = false
    vi.advanceTimersByTime(400)
    expect(video.currentTime).toBe(988)
    vi.advanceTimersByTime(200)
    expect(video.currentTime).toBeCloseTo(988.05)
    stop()
  })

  it('is helped after a while', () => {
    const video = element(990.814)
    const stop = leaveStandstills(video)
    vi.advanceTimersByTime(1000)
    expect(video.currentTime).toBe(990.814)
    vi.advanceTimersByTime(200)
    expect(video.currentTime).toBeCloseTo(991.264)
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is let be while it is paused, or plays', () => {
    const video = element(990.814)
    video.paused = true
    const stop = leaveStandstills(video)
    vi.advanceTimersByTime(3000)
    expect(video.currentTime).toBe(990.814)
    video.paused = false
    for (let n = 0; n < 30; n++) {
      video.currentTime += 0.1
      vi.advanceTimersByTime(100)
    }
    expect(video.currentTime).toBeCloseTo(993.814)
    stop()
  })
})
