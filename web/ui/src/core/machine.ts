// What the page is doing, as one pure function of what has happened.
//
// The server says whether there is a broadcast (poll), the engine says how playing
// goes, the viewer may ask for a replay. From these the model decides whether an
// engine is attached, and when it must be a fresh one (generation). Nothing here
// waits, plays or draws: Player does, and Phase is what people see of it.
//
//   source 'none' ──live, away──▶ 'live' ──the end was played──▶ 'none' ──replay──▶ 'replay'
//        ▲                          │ ▲                                               │
//        └── missing ───────────────┘ └────────────────── live again ─────────────────┘

import type { StreamState } from './status'

/** 'unknown' before the first answer. */
export type Server = 'unknown' | 'missing' | StreamState

/** How playing goes; 'broken' waits for the next attempt. */
export type Playback = 'idle' | 'buffering' | 'playing' | 'paused' | 'broken'

export interface Model {
  readonly server: Server
  /** Whether the last status request was answered. What the server last said stays until it speaks again. */
  readonly reachable: boolean
  readonly source: 'none' | 'live' | 'replay'
  /** Rises whenever a fresh engine is due. */
  readonly generation: number
  readonly playback: Playback
  /** What is attached has ended: standing still means that its end is reached. */
  readonly over: boolean
}

export type Event =
  | { type: 'status'; state: StreamState }
  | { type: 'missing' }
  | { type: 'unreachable' }
  /** The engine plays, waits for media, or was paused. */
  | { type: 'playback'; playback: 'buffering' | 'playing' | 'paused' }
  /** The last frame that the manifest lists was shown, and it says that none follows. */
  | { type: 'finished' }
  /** The engine can't go on, or has stood still for too long. */
  | { type: 'broken' }
  /** The pause after 'broken' is over. */
  | { type: 'retry' }
  /** The viewer wants to see what is left of an ended broadcast. */
  | { type: 'replay' }
  /** Another engine, or another address, for what plays now. */
  | { type: 'reload' }

export const initial: Model = {
  server: 'unknown',
  reachable: true,
  source: 'none',
  generation: 0,
  playback: 'idle',
  over: false,
}

export function reduce(m: Model, e: Event): Model {
  switch (e.type) {
    case 'status':
      return onStatus({ ...m, server: e.state, reachable: true })
    case 'missing':
      return { ...detach(m), server: 'missing', reachable: true }
    case 'unreachable':
      return { ...m, reachable: false }
    case 'playback':
      return m.source === 'none' || m.playback === 'broken' ? m : { ...m, playback: e.playback }
    case 'finished':
    case 'broken':
      // An end that the server has not told of yet: its next answer says
      // whether the broadcast is over or only the connection.
      if (m.source === 'none') return m
      return m.over ? detach(m) : { ...m, playback: 'broken' }
    case 'retry':
      return m.playback === 'broken' ? attach(m, m.source) : m
    case 'replay':
      return m.server === 'ended' && m.source === 'none' ? attach(m, 'replay') : m
    case 'reload':
      return m.source === 'none' ? m : attach(m, m.source)
  }
}

function onStatus(m: Model): Model {
  switch (m.server) {
    case 'live':
      // A broadcast after one that had ended is a new one: what is left of the
      // old has no place in its manifests.
      return m.source === 'live' && !m.over ? m : attach(m, 'live')
    case 'away':
      return m.source === 'none' ? attach(m, 'live') : m
    case 'ended':
    case 'offline':
      // What is buffered may still play to its end.
      if (m.source === 'none') return m
      return m.playback === 'broken' ? detach(m) : { ...m, over: true }
    default:
      return m
  }
}

function attach(m: Model, source: Model['source']): Model {
  return {
    ...m,
    source,
    generation: m.generation + 1,
    playback: 'buffering',
    over: source === 'replay' || (m.over && m.source === source && m.server !== 'live'),
  }
}

function detach(m: Model): Model {
  if (m.source === 'none') return m
  return { ...m, source: 'none', generation: m.generation + 1, playback: 'idle', over: false }
}

/**
 * What the page shows:
 *
 * - connecting: nothing is known yet
 * - missing: there is no stream of this name
 * - unreachable: the server does not answer, and nothing plays
 * - offline, starting, ended: the stream's own states, with nothing playing
 * - buffering, playing, paused: live
 * - away: the broadcaster has dropped and may return, and nothing more is buffered
 * - recovering: playing failed, the next attempt is due
 * - replay: an ended broadcast is watched again
 */
export type Phase =
  | 'connecting'
  | 'missing'
  | 'unreachable'
  | 'offline'
  | 'starting'
  | 'buffering'
  | 'playing'
  | 'paused'
  | 'away'
  | 'recovering'
  | 'replay'
  | 'ended'

export function phaseOf(m: Model): Phase {
  if (m.source === 'replay') return m.playback === 'broken' ? 'recovering' : 'replay'
  if (m.source === 'live') return playingPhase(m)
  if (m.server === 'missing') return 'missing'
  if (!m.reachable) return 'unreachable'
  switch (m.server) {
    case 'offline':
    case 'starting':
    case 'ended':
      return m.server
    case 'away':
      return 'away'
    default:
      return 'connecting'
  }
}

function playingPhase(m: Model): Phase {
  if (m.playback === 'paused') return 'paused'
  if (m.playback === 'playing') return 'playing'
  if (m.server === 'away') return 'away'
  return m.playback === 'broken' ? 'recovering' : 'buffering'
}

/** A word beside the picture, while there is one. */
export type Note = 'reconnecting' | 'unreachable' | 'ending' | null

export function noteOf(m: Model): Note {
  if (m.source !== 'live') return null
  if (!m.reachable) return 'unreachable'
  if (m.server === 'away') return 'reconnecting'
  return m.over ? 'ending' : null
}
