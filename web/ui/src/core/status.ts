// GET /api/v1/streams/{stream}: what the server says of a stream.

export type StreamState = 'offline' | 'starting' | 'live' | 'away' | 'ended'

export interface Rendition {
  id: string
  kind: 'video' | 'audio'
  codecs: string
  width: number
  height: number
  fps: number
  /** Bits a second, peak. */
  bandwidth: number
}

export interface Status {
  name: string
  state: StreamState
  /** When the state began; null when the server does not say. */
  since: Date | null
  renditions: Rendition[]
}

const states: readonly string[] = ['offline', 'starting', 'live', 'away', 'ended'] satisfies StreamState[]

/** Reads the answer; null when it is none. Unknown fields are left alone, absent numbers are 0. */
export function parseStatus(json: unknown): Status | null {
  if (!isRecord(json) || typeof json.state !== 'string' || !states.includes(json.state)) return null
  const since = typeof json.since === 'string' ? new Date(json.since) : null
  return {
    name: text(json.name),
    state: json.state as StreamState,
    since: since && !Number.isNaN(since.getTime()) ? since : null,
    renditions: Array.isArray(json.renditions) ? json.renditions.filter(isRecord).map(rendition) : [],
  }
}

function rendition(r: Record<string, unknown>): Rendition {
  return {
    id: text(r.id),
    kind: r.kind === 'audio' ? 'audio' : 'video',
    codecs: text(r.codecs),
    width: count(r.width),
    height: count(r.height),
    fps: count(r.fps),
    bandwidth: count(r.bandwidth),
  }
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v)
}

function text(v: unknown): string {
  return typeof v === 'string' ? v : ''
}

function count(v: unknown): number {
  return typeof v === 'number' && Number.isFinite(v) && v > 0 ? v : 0
}

/** The audio rendition to play alone, or null where the stream has no video to leave out. */
export function audioOnlyRendition(status: Status | null): Rendition | null {
  const renditions = status?.renditions ?? []
  if (!renditions.some((r) => r.kind === 'video')) return null
  return renditions.find((r) => r.kind === 'audio') ?? null
}

/** True when the stream is known to have sound and no picture. */
export function isAudioStream(status: Status | null): boolean {
  const renditions = status?.renditions ?? []
  return renditions.length > 0 && renditions.every((r) => r.kind === 'audio')
}
