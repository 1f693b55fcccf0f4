// hls.js, set up by hls-setup.ts.

import Hls, { ErrorTypes, Events, type ErrorData, type Level as HlsLevel } from 'hls.js'
import type { Engine, EngineError, EngineHost, Level, Source } from './engine'
import { config, setUp } from './hls-setup'

export class HlsEngine implements Engine {
  readonly name = 'hls'
  readonly label = `hls.js ${Hls.version}`
  readonly #host: EngineHost
  readonly #hls: Hls

  constructor(host: EngineHost) {
    this.#host = host
    this.#hls = new Hls(config)
  }

  load(source: Source): void {
    const hls = this.#hls
    setUp(hls, source.url)
    hls.on(Events.ERROR, (_, data) => this.#host.error(toError(data)))
    if (!source.audioOnly) {
      hls.on(Events.MANIFEST_PARSED, () => this.#host.levels(hls.levels.map(toLevel)))
      hls.on(Events.LEVELS_UPDATED, () => this.#host.levels(hls.levels.map(toLevel)))
      hls.on(Events.LEVEL_SWITCHED, (_, data) => this.#host.level(String(data.level)))
    }
    hls.attachMedia(this.#host.video)
    hls.loadSource(source.url)
  }

  select(id: string | null): void {
    this.#hls.nextLevel = id === null ? -1 : Number(id)
  }

  playingDate(): number | null {
    return this.#hls.playingDate?.getTime() ?? null
  }

  target(): number | null {
    return this.#hls.targetLatency
  }

  lag(): number | null {
    const edge = this.#hls.liveSyncPosition
    return edge === null ? null : edge - this.#host.video.currentTime
  }

  goLive(): void {
    const edge = this.#hls.liveSyncPosition
    if (edge !== null) this.#host.video.currentTime = edge
  }

  recover(kind: EngineError['kind']): boolean {
    if (this.#hls.levels.length === 0) return false
    if (kind === 'media') this.#hls.recoverMediaError()
    else if (kind === 'network') this.#hls.startLoad()
    else return false
    return true
  }

  throughput(): number | null {
    const estimate = this.#hls.bandwidthEstimate
    return Number.isFinite(estimate) ? estimate : null
  }

  destroy(): void {
    this.#hls.destroy()
  }
}

function toLevel(level: HlsLevel, index: number): Level {
  return {
    id: String(index),
    width: level.width,
    height: level.height,
    fps: level.frameRate || 0,
    bandwidth: level.bitrate,
  }
}

function toError(data: ErrorData): Omit<EngineError, 'engine'> {
  const kind =
    data.type === ErrorTypes.NETWORK_ERROR ? 'network' : data.type === ErrorTypes.MEDIA_ERROR ? 'media' : 'other'
  const status = data.response?.code ? ` (${data.response.code})` : ''
  const cause = data.error?.message ? `: ${data.error.message}` : ''
  return { kind, detail: `${data.details}${status}${cause}`, fatal: data.fatal }
}
