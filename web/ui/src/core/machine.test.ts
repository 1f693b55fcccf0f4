import { describe, expect, it } from 'vitest'
import { type Event, initial, type Model, noteOf, phaseOf, reduce } from './machine'
import type { StreamState } from './status'

const run = (...events: Event[]): Model => events.reduce(reduce, initial)
const status = (state: StreamState): Event => ({ type: 'status', state })
const plays: Event = { type: 'playback', playback: 'playing' }
const waits: Event = { type: 'playback', playback: 'buffering' }
const paused: Event = { type: 'playback', playback: 'paused' }
const finished: Event = { type: 'finished' }
const broken: Event = { type: 'broken' }
const retry: Event = { type: 'retry' }

describe('phase', () => {
  const cases: [string, Event[], string][] = [
    ['nothing known', [], 'connecting'],
    ['no such stream', [{ type: 'missing' }], 'missing'],
    ['no answer', [{ type: 'unreachable' }], 'unreachable'],
    ['offline', [status('offline')], 'offline'],
    ['starting', [status('starting')], 'starting'],
    ['live, nothing loaded', [status('live')], 'buffering'],
    ['live and playing', [status('live'), plays], 'playing'],
    ['live and waiting', [status('live'), plays, waits], 'buffering'],
    ['live and paused', [status('live'), plays, paused], 'paused'],
    ['away, with something buffered', [status('live'), plays, status('away')], 'playing'],
    ['away, nothing left', [status('live'), plays, status('away'), waits], 'away'],
    ['away when the page opens', [status('away')], 'away'],
    ['back from away', [status('live'), status('away'), waits, status('live'), plays], 'playing'],
    ['engine broken', [status('live'), plays, broken], 'recovering'],
    ['engine broken while away', [status('live'), status('away'), broken], 'away'],
    ['ended, with something buffered', [status('live'), plays, status('ended')], 'playing'],
    ['ended and played out', [status('live'), plays, status('ended'), finished], 'ended'],
    ['ended and stuck', [status('live'), plays, status('ended'), broken], 'ended'],
    ['ended before the page opens', [status('ended')], 'ended'],
    ['replay', [status('ended'), { type: 'replay' }, plays], 'replay'],
    ['replay to its end', [status('ended'), { type: 'replay' }, plays, finished], 'ended'],
    ['replay that does not play', [status('ended'), { type: 'replay' }, broken], 'ended'],
    ['window gone after the end', [status('ended'), status('offline')], 'offline'],
    ['stream removed', [status('live'), plays, { type: 'missing' }], 'missing'],
    ['stream made again', [{ type: 'missing' }, status('offline')], 'offline'],
    ['server silent while playing', [status('live'), plays, { type: 'unreachable' }], 'playing'],
  ]
  it.each(cases)('%s', (_, events, phase) => {
    expect(phaseOf(run(...events))).toBe(phase)
  })
})

describe('engine', () => {
  it('is attached once for one broadcast, whatever the answers repeat', () => {
    const m = run(status('offline'), status('starting'), status('live'), plays, status('live'), status('live'))
    expect(m).toMatchObject({ source: 'live', generation: 1 })
  })

  it('stays through a publisher’s absence', () => {
    const m = run(status('live'), plays, status('away'), waits, status('away'), status('live'))
    expect(m.generation).toBe(1)
  })

  it('is fresh for a new broadcast, through every way an old one can end', () => {
    const over = run(status('live'), plays, status('ended'))
    expect(reduce(over, status('live'))).toMatchObject({ source: 'live', generation: 2, over: false })

    const through = [status('starting'), status('live')].reduce(reduce, over)
    expect(through).toMatchObject({ source: 'live', generation: 2, over: false })

    const played = [finished, status('live')].reduce(reduce, over)
    expect(played).toMatchObject({ source: 'live', generation: 3 })
  })

  it('leaves a replay for a new broadcast', () => {
    const m = run(status('ended'), { type: 'replay' }, plays, status('starting'), status('live'))
    expect(m).toMatchObject({ source: 'live', over: false, playback: 'buffering' })
  })

  it('waits for the retry after it broke', () => {
    const m = run(status('live'), plays, broken)
    expect(m.generation).toBe(1)
    expect(reduce(m, plays)).toBe(m)
    expect(reduce(m, retry)).toMatchObject({ generation: 2, playback: 'buffering', source: 'live' })
  })

  it('takes a second retry for nothing', () => {
    const m = run(status('live'), broken, retry, retry, retry)
    expect(m.generation).toBe(2)
  })

  it('believes the server when the end of the list comes before its answer', () => {
    const early = run(status('live'), plays, finished)
    expect(phaseOf(early)).toBe('recovering')
    expect(phaseOf(reduce(early, status('ended')))).toBe('ended')
    expect(reduce(early, retry)).toMatchObject({ source: 'live', generation: 2 })
  })

  it('keeps an ended broadcast ended when its engine is exchanged', () => {
    const m = run(status('live'), plays, status('ended'), { type: 'reload' })
    expect(m).toMatchObject({ source: 'live', over: true, generation: 2 })
    expect(phaseOf(reduce(m, finished))).toBe('ended')
  })

  it('goes when the stream is removed, and nothing late brings it back', () => {
    const m = run(status('live'), plays, { type: 'missing' })
    expect(m).toMatchObject({ source: 'none', playback: 'idle' })
    for (const e of [plays, finished, broken, retry, { type: 'reload' } as const, { type: 'replay' } as const]) {
      expect(reduce(m, e)).toBe(m)
    }
  })

  it('replays only what has ended', () => {
    for (const state of ['offline', 'starting', 'live', 'away'] as const) {
      const m = run(status(state))
      expect(reduce(m, { type: 'replay' }).source).not.toBe('replay')
    }
  })
})

describe('note', () => {
  const cases: [string, Event[], string | null][] = [
    ['none while live', [status('live'), plays], null],
    ['reconnecting while away', [status('live'), plays, status('away')], 'reconnecting'],
    ['gone once back', [status('live'), plays, status('away'), status('live')], null],
    ['unreachable while playing', [status('live'), plays, { type: 'unreachable' }], 'unreachable'],
    ['gone at the next answer', [status('live'), plays, { type: 'unreachable' }, status('live')], null],
    ['ending while the rest plays', [status('live'), plays, status('ended')], 'ending'],
    ['none in a replay', [status('ended'), { type: 'replay' }, plays], null],
    ['none with nothing attached', [status('offline')], null],
  ]
  it.each(cases)('%s', (_, events, note) => {
    expect(noteOf(run(...events))).toBe(note)
  })
})
