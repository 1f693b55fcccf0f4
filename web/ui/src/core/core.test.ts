import { describe, expect, it } from 'vitest'
import { availableEngines, chooseEngine } from './choose'
import { ServerClock } from './clock'
import { bitrate, clockTime, frameRate, pictureSize, seconds } from './format'
import { Follower, isBehind, latencyOf } from './latency'
import { Progress } from './progress'
import { Failures, pollDelay } from './schedule'
import { audioOnlyRendition, isAudioStream, parseStatus } from './status'
import { embedSnippet, renditionURL, startingAt, startOf, streamURLs } from './urls'

describe('urls', () => {
  it('are those of the gateway', () => {
    expect(streamURLs('https://tv.example', 'live')).toEqual({
      page: 'https://tv.example/watch/live',
      embed: 'https://tv.example/embed/live',
      status: 'https://tv.example/api/v1/streams/live',
      hls: 'https://tv.example/live/live/index.m3u8',
      dash: 'https://tv.example/live/live/manifest.mpd',
    })
  })

  it('escape names', () => {
    expect(streamURLs('', 'a b/ö?').hls).toBe('/live/a%20b%2F%C3%B6%3F/index.m3u8')
    expect(renditionURL('', 'live', 'audio 1')).toBe('/live/live/audio%201/index.m3u8')
  })

  it('begin where the page begins', () => {
    for (const start of ['-600', '2026-03-01T12:00:00Z', '2026-03-01T12:00:00.5+01:00']) {
      expect(startOf(`?engine=hls&start=${encodeURIComponent(start)}`)).toBe(start)
      expect(startingAt('/a', start)).toBe(`/a?start=${encodeURIComponent(start)}`)
    }
    for (const search of ['', '?start=', '?start=600', '?start=now', '?start=-6.5', '?start=2026-03-01', '?start=-600%26a']) {
      expect(startOf(search)).toBeNull()
    }
    expect(startingAt('/a', null)).toBe('/a')
  })

  it('keep the token of a stream that is signed', () => {
    expect(streamURLs('https://tv.example', 'live', '1800000000.ip.a-_')).toEqual({
      page: 'https://tv.example/watch/live/~1800000000.ip.a-_',
      embed: 'https://tv.example/embed/live/~1800000000.ip.a-_',
      status: 'https://tv.example/api/v1/streams/live',
      hls: 'https://tv.example/live/live/~1800000000.ip.a-_/index.m3u8',
      dash: 'https://tv.example/live/live/~1800000000.ip.a-_/manifest.mpd',
    })
    expect(renditionURL('', 'live', 'audio', '1.a')).toBe('/live/live/~1.a/audio/index.m3u8')
  })

  it('can’t break out of the snippet', () => {
    const html = embedSnippet('https://h/embed/a?x=1&y=2', 'A "quoted" <title>')
    expect(html).toContain('src="https://h/embed/a?x=1&amp;y=2"')
    expect(html).toContain('title="A &quot;quoted&quot; &lt;title>"')
  })
})

describe('engine choice', () => {
  const both = { mse: true, native: true }
  const phone = { mse: false, native: true }
  const cases: [string, string, string | null, { mse: boolean; native: boolean }, string | null][] = [
    ['default', '', null, both, 'hls'],
    ['remembered', '', 'dash', both, 'dash'],
    ['address wins', '?engine=hls', 'dash', both, 'hls'],
    ['native when asked for', '?engine=native', null, both, 'native'],
    ['nonsense in the address', '?engine=flash', 'dash', both, 'dash'],
    ['nonsense remembered', '', 'flash', both, 'hls'],
    ['phone', '', null, phone, 'native'],
    ['phone, DASH remembered', '', 'dash', phone, 'native'],
    ['phone, DASH in the address', '?engine=dash', null, phone, 'native'],
    ['native asked for where there is none', '?engine=native', null, { mse: true, native: false }, 'hls'],
    ['nothing at all', '?engine=hls', 'hls', { mse: false, native: false }, null],
  ]
  it.each(cases)('%s', (_, search, stored, support, want) => {
    expect(chooseEngine(search, stored, support)).toBe(want)
  })

  it('offers native only where there is nothing else', () => {
    expect(availableEngines(both)).toEqual(['hls', 'dash'])
    expect(availableEngines(phone)).toEqual(['native'])
    expect(availableEngines({ mse: false, native: false })).toEqual([])
  })
})

describe('status', () => {
  const video = { id: 'source', kind: 'video', codecs: 'avc1.640028', width: 1920, height: 1080, fps: 30, bandwidth: 4.5e6 }
  const audio = { id: 'audio', kind: 'audio', codecs: 'mp4a.40.2', bandwidth: 128000 }

  it('reads the documented answer', () => {
    const s = parseStatus({ name: 'live', state: 'live', since: '2026-01-02T03:04:05Z', renditions: [video, audio], latency_ms: 80 })
    expect(s?.state).toBe('live')
    expect(s?.since?.getTime()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
    expect(s?.renditions[0]).toEqual(video)
    expect(s?.renditions[1]).toEqual({ ...audio, width: 0, height: 0, fps: 0 })
  })

  it.each([null, 7, [], {}, { state: 'asleep' }, { state: 4 }])('takes %j for no answer', (json) => {
    expect(parseStatus(json)).toBeNull()
  })

  it('survives what is missing or wrong', () => {
    expect(parseStatus({ state: 'offline', since: 'soon', renditions: [1, null, { kind: 'video', fps: 'x', height: -1 }] })).toEqual({
      name: '',
      state: 'offline',
      since: null,
      renditions: [{ id: '', kind: 'video', codecs: '', width: 0, height: 0, fps: 0, bandwidth: 0 }],
    })
  })

  it('offers sound alone only beside a picture', () => {
    const status = (...renditions: object[]) => parseStatus({ state: 'live', renditions })
    expect(audioOnlyRendition(status(video, audio))?.id).toBe('audio')
    expect(audioOnlyRendition(status(audio))).toBeNull()
    expect(audioOnlyRendition(status(video))).toBeNull()
    expect(audioOnlyRendition(null)).toBeNull()
    expect(isAudioStream(status(audio))).toBe(true)
    expect(isAudioStream(status(video, audio))).toBe(false)
    expect(isAudioStream(status())).toBe(false)
  })
})

describe('polling', () => {
  it('slows from 2 s to 5 s and no further', () => {
    const delays = Array.from({ length: 12 }, (_, n) => pollDelay('offline', n, 0.5))
    expect(delays[0]).toBe(2000)
    expect(delays.at(-1)).toBe(5000)
    expect(delays).toEqual([...delays].sort((a, b) => a - b))
  })

  it('asks sooner while a stream starts', () => {
    expect(pollDelay('starting', 9, 0.5)).toBeLessThan(1000)
  })

  it('spreads viewers', () => {
    expect(pollDelay('offline', 0, 0)).toBeCloseTo(1800)
    expect(pollDelay('offline', 0, 1)).toBeCloseTo(2200)
  })
})

describe('failures', () => {
  it('back off, within bounds', () => {
    const f = new Failures()
    const delays = Array.from({ length: 10 }, () => f.add(1000, 0.5))
    expect(delays[0]).toBe(400)
    expect(delays[1]).toBe(800)
    expect(delays.at(-1)).toBe(8000)
  })

  it('are forgotten by half in 15 s', () => {
    const f = new Failures()
    for (let n = 0; n < 4; n++) f.add(0, 0.5)
    expect(f.count(0)).toBe(4)
    expect(f.count(15000)).toBe(2)
    expect(f.add(600_000, 0.5)).toBeLessThan(420)
    f.reset()
    expect(f.count(600_000)).toBe(0)
  })
})

describe('server clock', () => {
  /** One answer, as a server whose clock is ahead by offset gives it. */
  const answer = (clock: ServerClock, at: number, rtt: number, offset: number) =>
    clock.observe(at, at + rtt, Math.floor((at + rtt / 2 + offset) / 1000) * 1000)

  it('stays with the local clock as long as that may be right', () => {
    const clock = new ServerClock()
    expect(clock.offset()).toBe(0)
    for (let n = 0; n < 30; n++) answer(clock, 1e12 + n * 2137, 40, 0)
    expect(clock.offset()).toBe(0)
  })

  it.each([3700, -5200, 86_400_000])('finds an offset of %d ms from whole seconds', (offset) => {
    const clock = new ServerClock()
    for (let n = 0; n < 30; n++) answer(clock, 1e12 + n * 2137, 40, offset)
    expect(Math.abs(clock.offset() - offset)).toBeLessThan(60)
  })

  it('moves no further than it knows after one answer', () => {
    const clock = new ServerClock()
    answer(clock, 1e12, 40, 3700)
    expect(clock.offset()).toBeGreaterThan(2500)
    expect(clock.offset()).toBeLessThanOrEqual(3700)
  })

  it('starts anew when a clock is set', () => {
    const clock = new ServerClock()
    for (let n = 0; n < 10; n++) answer(clock, 1e12 + n * 2137, 40, 9000)
    for (let n = 10; n < 60; n++) answer(clock, 1e12 + n * 2137, 40, -2000)
    expect(Math.abs(clock.offset() + 2000)).toBeLessThan(60)
  })

  it('leaves answers without a date alone', () => {
    const clock = new ServerClock()
    clock.observe(1, 2, Number.NaN)
    clock.observe(5, 1, 1e12)
    expect(clock.offset()).toBe(0)
  })
})

describe('latency', () => {
  it('is now, on the server’s clock, minus the picture’s date', () => {
    expect(latencyOf(10_000, 11_250, 0)).toBe(1.25)
    expect(latencyOf(10_000, 11_250, 500)).toBe(1.75)
  })

  it('is never negative, and never a nonsense', () => {
    expect(latencyOf(10_000, 9_900, 0)).toBe(0)
    expect(latencyOf(0, 1.7e12, 0)).toBeNull()
    expect(latencyOf(Number.NaN, 1, 0)).toBeNull()
  })

  it('is behind with hysteresis', () => {
    expect(isBehind(2, false)).toBe(false)
    expect(isBehind(3, false)).toBe(true)
    expect(isBehind(2, true)).toBe(true)
    expect(isBehind(0.8, true)).toBe(false)
    expect(isBehind(-0.5, false)).toBe(false)
    expect(isBehind(null, true)).toBe(false)
  })
})

describe('progress', () => {
  const looks = (positions: number[], should = true) => {
    const p = new Progress()
    p.reset(0)
    return positions.map((position, n) => p.look(position, should, (n + 1) * 500))
  }

  it('sees a picture move', () => {
    for (const { moved, still } of looks([1, 1.5, 2, 2.5])) expect([moved, still]).toEqual([true, 0])
  })

  it('counts how long it stands still', () => {
    expect(looks([7, 7, 7, 7]).map((l) => l.still)).toEqual([0, 500, 1000, 1500])
  })

  it('takes no nudge for progress, back or forth', () => {
    expect(looks([7, 7.06, 7, 6.95, 7.1]).at(-1)).toEqual({ moved: false, still: 2000 })
  })

  it('takes the last moments over and over for no progress, and a seek back for one', () => {
    expect(looks([7, 7.5, 7, 7.4, 7.5, 7]).at(-1)).toEqual({ moved: false, still: 2000 })
    expect(looks([60, 20, 20.5]).at(-1)).toEqual({ moved: true, still: 0 })
  })

  it('starts anew when told to', () => {
    const p = new Progress()
    p.look(1e9, true, 0)
    p.reset(500)
    expect(p.look(12, true, 1000)).toEqual({ moved: true, still: 0 })
  })

  it('sees slow progress', () => {
    expect(looks([7, 7.1, 7.2, 7.3, 7.4]).map((l) => l.still)).toEqual([0, 500, 0, 500, 0])
  })

  it('counts nothing while nothing should move', () => {
    expect(looks([7, 7, 7, 7], false).map((l) => l.still)).toEqual([0, 0, 0, 0])
  })
})

describe('follower', () => {
  it('goes live after two seconds behind, once in twenty', () => {
    const f = new Follower()
    const went = Array.from({ length: 60 }, (_, n) => n * 500).filter((now) => f.look(true, now))
    expect(went).toEqual([2000, 22000])
  })

  it('forgets a moment behind', () => {
    const f = new Follower()
    expect(f.look(true, 0)).toBe(false)
    expect(f.look(true, 1500)).toBe(false)
    expect(f.look(false, 2000)).toBe(false)
    expect(f.look(true, 2500)).toBe(false)
    expect(f.look(true, 4499)).toBe(false)
    expect(f.look(true, 4500)).toBe(true)
  })

  it('leaves those alone who chose to be late, until they choose again', () => {
    const f = new Follower()
    f.release()
    for (let now = 0; now < 60_000; now += 500) expect(f.look(true, now)).toBe(false)
    f.follow()
    expect(f.look(true, 60_000)).toBe(false)
    expect(f.look(true, 62_000)).toBe(true)
  })
})

describe('format', () => {
  it('writes seconds', () => {
    expect([seconds(0.94), seconds(42.4), seconds(200)]).toEqual(['0.9 s', '42 s', '3:20'])
  })
  it('writes times', () => {
    expect([clockTime(7.9), clockTime(75), clockTime(3675), clockTime(-3)]).toEqual(['0:07', '1:15', '1:01:15', '0:00'])
  })
  it('writes bit rates', () => {
    expect([bitrate(128_000), bitrate(999_900), bitrate(4.5e6), bitrate(12.3e6)]).toEqual(['128 kb/s', '1.0 Mb/s', '4.5 Mb/s', '12 Mb/s'])
  })
  it('writes sizes', () => {
    expect(pictureSize({ width: 1920, height: 1080, fps: 30 })).toBe('1080p')
    expect(pictureSize({ width: 1280, height: 720, fps: 59.94 })).toBe('720p60')
    expect(pictureSize({ width: 720, height: 1280, fps: 25 })).toBe('720p')
    expect(pictureSize({ width: 0, height: 480, fps: 0 })).toBe('480p')
  })
  it('writes frame rates', () => {
    expect([frameRate(30), frameRate(29.97), frameRate(30.0001), frameRate(23.976)]).toEqual(['30', '29.97', '30', '23.98'])
  })
})
