// Volume, and what browsers allow to be heard without being asked for.

import { signal } from '@preact/signals'
import { recall, remember } from './preferences'

/** What the viewer must do for the stream to be as they'd want it. */
export type Need = 'nothing' | 'tap-for-sound' | 'tap-to-play'

export class Sound {
  readonly muted = signal(false)
  readonly volume = signal(1)
  readonly need = signal<Need>('nothing')
  readonly #video: HTMLVideoElement

  constructor(video: HTMLVideoElement) {
    this.#video = video
    const stored = Number.parseFloat(recall('volume') ?? '')
    if (stored >= 0 && stored <= 1) video.volume = stored
    video.muted = recall('muted') === 'true'
    this.#read()
    video.addEventListener('volumechange', () => this.#read())
  }

  /** Plays: with sound, without it where the browser refuses, or not at all where it refuses that too. */
  async play(): Promise<void> {
    const video = this.#video
    if ((await attempt(video)) !== 'refused') return this.#settle()
    if (!video.muted) {
      video.muted = true
      if ((await attempt(video)) !== 'refused') {
        this.need.value = 'tap-for-sound'
        return
      }
      video.muted = false
    }
    this.need.value = 'tap-to-play'
  }

  /** The viewer's own choice, which is remembered. */
  setMuted(muted: boolean): void {
    const video = this.#video
    video.muted = muted
    if (!muted && video.volume === 0) video.volume = 0.5
    this.need.value = 'nothing'
    this.#remember()
  }

  setVolume(volume: number): void {
    this.#video.volume = Math.min(1, Math.max(0, volume))
    this.#video.muted = this.#video.volume === 0
    this.need.value = 'nothing'
    this.#remember()
  }

  #settle(): void {
    if (this.need.peek() === 'tap-to-play' || !this.#video.muted) this.need.value = 'nothing'
  }

  #read(): void {
    this.muted.value = this.#video.muted
    this.volume.value = this.#video.volume
  }

  #remember(): void {
    // The element's own event comes later than the words about it.
    this.#read()
    remember('muted', String(this.#video.muted))
    remember('volume', String(this.#video.volume))
  }
}

async function attempt(video: HTMLVideoElement): Promise<'played' | 'refused' | 'interrupted'> {
  try {
    await video.play()
    return 'played'
  } catch (cause) {
    // AbortError: another source was loaded meanwhile, and will be played itself.
    return cause instanceof DOMException && cause.name === 'NotAllowedError' ? 'refused' : 'interrupted'
  }
}
