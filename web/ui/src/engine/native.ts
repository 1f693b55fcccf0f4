// The browser's own HLS, where Media Source Extensions are missing: iPhones before
// iOS 17.1. It chooses quality by itself and tells little.

import type { Engine, EngineHost, Source } from './engine'

/** Safari dates the start of the timeline by PROGRAM-DATE-TIME. */
type Dated = HTMLVideoElement & { getStartDate?: () => Date }

/** How far from the end of what can be sought "live" is, in seconds. */
const EDGE = 3

export class NativeEngine implements Engine {
  readonly name = 'native'
  readonly label = 'the browser’s own HLS'
  readonly #host: EngineHost
  readonly #onError = (): void => {
    const error = this.#host.video.error
    if (!error) return
    const kind = error.code === MediaError.MEDIA_ERR_NETWORK ? 'network' : 'media'
    this.#host.error({ kind, detail: `media error ${error.code}: ${error.message}`, fatal: true })
  }

  constructor(host: EngineHost) {
    this.#host = host
  }

  load(source: Source): void {
    this.#host.video.addEventListener('error', this.#onError)
    this.#host.video.src = source.url
  }

  select(): void {}

  playingDate(): number | null {
    const video: Dated = this.#host.video
    const start = video.getStartDate?.().getTime()
    return start !== undefined && Number.isFinite(start) ? start + video.currentTime * 1000 : null
  }

  target(): number | null {
    return null
  }

  lag(): number | null {
    const edge = this.#edge()
    return edge === null ? null : edge - this.#host.video.currentTime
  }

  goLive(): void {
    const edge = this.#edge()
    if (edge !== null) this.#host.video.currentTime = edge
  }

  #edge(): number | null {
    const { seekable } = this.#host.video
    if (seekable.length === 0) return null
    const last = seekable.length - 1
    return Math.max(seekable.start(last), seekable.end(last) - EDGE)
  }

  recover(): boolean {
    return false
  }

  throughput(): number | null {
    return null
  }

  destroy(): void {
    this.#host.video.removeEventListener('error', this.#onError)
    this.#host.video.removeAttribute('src')
    this.#host.video.load()
  }
}
