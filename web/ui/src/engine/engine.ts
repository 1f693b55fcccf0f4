// What the player asks of hls.js, dash.js and the browser's own HLS alike.

import type { EngineName } from '../core/choose'

/** One choice of picture quality. */
export interface Level {
  /** The engine's own name of it. */
  id: string
  width: number
  height: number
  fps: number
  /** Bits a second. */
  bandwidth: number
}

export interface EngineError {
  engine: EngineName
  kind: 'network' | 'media' | 'other'
  /** The engine's own words. */
  detail: string
  /** The engine has stopped. */
  fatal: boolean
}

/** What an engine tells, and the element it plays into. */
export interface EngineHost {
  readonly video: HTMLVideoElement
  levels(levels: Level[]): void
  /** The level that loads now; null: not known. */
  level(id: string | null): void
  error(error: Omit<EngineError, 'engine'>): void
}

export interface Source {
  url: string
  /** Leave the picture out. */
  audioOnly: boolean
}

export interface Engine {
  readonly name: EngineName
  /** The library and its version, as people read it. */
  readonly label: string
  load(source: Source): void
  /** null: the engine decides. */
  select(id: string | null): void
  /** When the picture on the screen reached the server, in milliseconds since 1970; null: not known. */
  playingDate(): number | null
  /** The latency the engine aims at, in seconds. */
  target(): number | null
  /** How far the playhead is behind the place that goLive() takes it to, in seconds; null: not known. */
  lag(): number | null
  goLive(): void
  /** Tries to go on in place after a fatal error. False: a fresh engine is needed. */
  recover(kind: EngineError['kind']): boolean
  /** The estimate of the network's rate, in bits a second. */
  throughput(): number | null
  destroy(): void
}
