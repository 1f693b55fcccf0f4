// What the page itself remembers while it is open: what is unfolded, what was just
// said, whether the controls are to be seen. And the doors of the browser that
// need an element: full screen, picture in picture.

import { signal } from '@preact/signals'
import type { Player } from '../player'
import type { Action } from './keys'

/** The controls go away after this long without a pointer moving (ms). */
const AWAKE = 2600
/** A word such as "Volume 60%" stays this long (ms). */
const SAID = 1100
const VOLUME_STEP = 0.05

/** Safari's own ways, on phones that have no others. */
type SafariVideo = HTMLVideoElement & {
  webkitEnterFullscreen?: () => void
  webkitSupportsPresentationMode?: (mode: string) => boolean
  webkitSetPresentationMode?: (mode: string) => void
  webkitPresentationMode?: string
}

export class Ui {
  readonly menu = signal(false)
  readonly stats = signal(false)
  readonly help = signal(false)
  readonly awake = signal(true)
  readonly fullscreen = signal(false)
  readonly pictureInPicture = signal(false)
  readonly said = signal('')
  readonly canPictureInPicture: boolean
  readonly canFullscreen: boolean
  readonly #player: Player
  #frame: HTMLElement | null = null
  #sleep: ReturnType<typeof setTimeout> | undefined
  #silence: ReturnType<typeof setTimeout> | undefined

  constructor(player: Player) {
    this.#player = player
    const video: SafariVideo = player.video
    this.canPictureInPicture =
      document.pictureInPictureEnabled || video.webkitSupportsPresentationMode?.('picture-in-picture') === true
    this.canFullscreen = document.fullscreenEnabled || video.webkitEnterFullscreen !== undefined
  }

  /** @param frame what fills the screen in full screen */
  start(frame: HTMLElement): void {
    this.#frame = frame
    document.addEventListener('fullscreenchange', () => {
      this.fullscreen.value = document.fullscreenElement === frame
    })
    const { video } = this.#player
    video.addEventListener('enterpictureinpicture', () => (this.pictureInPicture.value = true))
    video.addEventListener('leavepictureinpicture', () => (this.pictureInPicture.value = false))
    this.wake()
  }

  /** The controls are wanted. */
  wake(): void {
    this.awake.value = true
    clearTimeout(this.#sleep)
    this.#sleep = setTimeout(() => (this.awake.value = false), AWAKE)
  }

  doze(): void {
    clearTimeout(this.#sleep)
    this.awake.value = false
  }

  say(words: string): void {
    this.said.value = words
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => (this.said.value = ''), SAID)
  }

  async toggleFullscreen(): Promise<void> {
    const video: SafariVideo = this.#player.video
    try {
      if (document.fullscreenElement) await document.exitFullscreen()
      else if (document.fullscreenEnabled) await this.#frame?.requestFullscreen()
      else video.webkitEnterFullscreen?.()
    } catch {
      this.say('Full screen is not allowed here')
    }
  }

  async togglePictureInPicture(): Promise<void> {
    const video: SafariVideo = this.#player.video
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture()
      else if (document.pictureInPictureEnabled) await video.requestPictureInPicture()
      else {
        const inline = video.webkitPresentationMode === 'picture-in-picture'
        video.webkitSetPresentationMode?.(inline ? 'inline' : 'picture-in-picture')
      }
    } catch {
      this.say('No picture to show yet')
    }
  }

  toggleMute(): void {
    const { sound } = this.#player
    sound.setMuted(!sound.muted.peek())
    this.say(sound.muted.peek() ? 'Sound off' : 'Sound on')
  }

  stepVolume(steps: number): void {
    const { sound } = this.#player
    sound.setVolume((sound.muted.peek() ? 0 : sound.volume.peek()) + steps * VOLUME_STEP)
    this.say(`Volume ${Math.round(sound.volume.peek() * 100)}%`)
  }

  perform(action: Action): void {
    this.wake()
    switch (action) {
      case 'toggle-play':
        return this.#player.togglePlay()
      case 'toggle-mute':
        return this.toggleMute()
      case 'volume-up':
        return this.stepVolume(1)
      case 'volume-down':
        return this.stepVolume(-1)
      case 'fullscreen':
        return void this.toggleFullscreen()
      case 'picture-in-picture':
        return void this.togglePictureInPicture()
      case 'go-live':
        return this.#player.goLive()
      case 'stats':
        this.stats.value = !this.stats.peek()
        return
      case 'help':
        this.help.value = !this.help.peek()
        return
      case 'close':
        this.help.value = false
        this.menu.value = false
        return
    }
  }
}
