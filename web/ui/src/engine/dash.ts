// dash.js, set up by dash-setup.ts.

import * as dashjs from 'dashjs'
import { fatalCodes } from './dash-settings'
import { setUp } from './dash-setup'
import type { Engine, EngineHost, Source } from './engine'

// What dash.js waits for before it seeks or sets a speed. destroy() leaves those
// listeners on the element, and they throw when they hear the next engine's media.
const readyEvents = new Set(['loadedmetadata', 'loadeddata', 'canplay', 'canplaythrough'])

export class DashEngine implements Engine {
  readonly name = 'dash'
  readonly label: string
  readonly #host: EngineHost
  readonly #player: dashjs.MediaPlayerClass
  readonly #left: [type: string, listener: EventListenerOrEventListenerObject][] = []
  #stop = (): void => undefined

  constructor(host: EngineHost) {
    this.#host = host
    this.#player = dashjs.MediaPlayer().create()
    this.label = `dash.js ${this.#player.getVersion()}`
  }

  load(source: Source): void {
    const player = this.#player
    const events = dashjs.MediaPlayer.events
    this.#stop = setUp(player, this.#host.video, source.url)
    player.on(events.ERROR, (e) => this.#onError(e))
    player.on(events.PLAYBACK_ERROR, (e) => this.#onPlaybackError(e))
    if (source.audioOnly) {
      player.registerCustomCapabilitiesFilter((r) => !(r.mimeType ?? '').startsWith('video'))
    } else {
      player.on(events.STREAM_ACTIVATED, () => this.#publishLevels())
      player.on(events.QUALITY_CHANGE_RENDERED, () => this.#publishLevel())
    }
    this.#noteListeners()
    // The player decides when to play, and knows what autoplay was refused.
    player.initialize(this.#host.video, source.url, false)
  }

  select(id: string | null): void {
    this.#player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === null } } } })
    if (id !== null) this.#player.setRepresentationForTypeById('video', id, true)
  }

  playingDate(): number | null {
    // dash.js keeps the server's time itself (UTCTiming), and counts from there.
    const latency = this.#latency()
    return latency === null ? null : Date.now() - latency * 1000
  }

  target(): number | null {
    const delay = this.#player.isReady() ? this.#player.getTargetLiveDelay() : Number.NaN
    return Number.isFinite(delay) && delay > 0 ? delay : null
  }

  lag(): number | null {
    const latency = this.#latency()
    const target = this.target()
    return latency === null || target === null ? null : latency - target
  }

  goLive(): void {
    if (this.#player.isReady() && this.#player.isDynamic()) this.#player.seekToOriginalLive()
  }

  recover(): boolean {
    return false
  }

  throughput(): number | null {
    if (!this.#player.isReady()) return null
    const kbit = this.#player.getAverageThroughput('video') || this.#player.getAverageThroughput('audio')
    return kbit > 0 ? kbit * 1000 : null
  }

  destroy(): void {
    const { video } = this.#host
    this.#stop()
    this.#player.destroy()
    Reflect.deleteProperty(video, 'addEventListener')
    for (const [type, listener] of this.#left) video.removeEventListener(type, listener)
  }

  /** Until destroy(), remembers who listens for readiness. The page itself adds no such listener meanwhile. */
  #noteListeners(): void {
    const { video } = this.#host
    const add = video.addEventListener
    video.addEventListener = (
      type: string,
      listener: EventListenerOrEventListenerObject,
      options?: boolean | AddEventListenerOptions,
    ) => {
      if (readyEvents.has(type)) this.#left.push([type, listener])
      add.call(video, type, listener, options)
    }
  }

  #latency(): number | null {
    if (!this.#player.isReady() || !this.#player.isDynamic()) return null
    const latency = this.#player.getCurrentLiveLatency()
    return Number.isFinite(latency) && latency > 0 ? latency : null
  }

  #publishLevels(): void {
    const levels = this.#player.getRepresentationsByType('video').map((r) => ({
      id: r.id,
      width: r.width,
      height: r.height,
      fps: r.frameRate || 0,
      bandwidth: r.bitrateInKbit * 1000,
    }))
    this.#host.levels(levels)
    this.#publishLevel()
  }

  #publishLevel(): void {
    this.#host.level(this.#player.getCurrentRepresentationForType('video')?.id ?? null)
  }

  #onError(e: unknown): void {
    const error = (e as { error?: { code?: number; message?: string } | string }).error
    if (typeof error === 'string' || !error) {
      this.#host.error({ kind: 'other', detail: String(error ?? 'unknown'), fatal: false })
      return
    }
    const kind = fatalCodes.get(error.code ?? 0)
    this.#host.error({
      kind: kind ?? 'network',
      detail: `${error.code ?? 0}: ${error.message ?? ''}`,
      fatal: kind !== undefined,
    })
  }

  #onPlaybackError(e: unknown): void {
    const cause = (e as { error?: unknown }).error
    const detail = cause instanceof MediaError ? `media error ${cause.code}: ${cause.message}` : String(cause)
    this.#host.error({ kind: 'media', detail, fatal: true })
  }
}
