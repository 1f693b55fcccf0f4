// Watches a video element and keeps what an end-to-end test or a bench asks for.

import { ageOf, blocksFor, BITS, readClock } from './clock.mjs'

/** How often progress is looked at (ms). */
const LOOK = 50
/** No progress for this long is a stall (ms). */
const STALL = 200
/** How often the player's own latency is noted (ms). */
const SAMPLE = 500
/** Of each kind of sample. */
const KEPT = 20_000
/** Of the notes, the newest. */
const NOTES = 200
/** Pixels a block, of the small canvas that the clock is read from. */
const SCALE = 8

/** window.result */
export interface Result {
  player: string
  version: string
  src: string
  /** When loading started, in milliseconds since 1970; every `at` counts from there. */
  begun: number
  errors: { at: number; detail: string; fatal: boolean }[]
  fatalErrors: number
  currentTime: number
  paused: boolean
  ended: boolean
  width: number
  height: number
  /** Decoded, and dropped of them. */
  videoFrames: number
  droppedFrames: number
  /** Bytes of sound decoded. */
  audioBytes: number
  /**
   * Milliseconds from the start of loading to the first frame; to the first progress
   * where there is no picture, or the player is the browser's own.
   */
  firstFrame: number | null
  /** Where playback joined, as currentTime. */
  joined: number | null
  /**
   * Timed metadata, when the player told of it: its time and the position then (s),
   * its name and its value.
   */
  events: { time: number; shown: number; name: string; value: string }[]
  /** Presentation times (s) of the newest pictures shown. */
  frames: number[]
  /** Sizes of the picture on show, each from when it came. */
  pictures: { at: number; width: number; height: number }[]
  /** Pauses of playback after its start, in milliseconds of the page's clock. */
  stalls: { at: number; duration: number }[]
  /** What the player did, the newest, for whoever looks for what went wrong: each with its millisecond and position. */
  notes: string[]
  /** Backward steps of the playhead, which no player should make by itself. */
  steppedBack: number
  playbackRate: number
  /** Seconds ahead of the playhead. */
  buffer: number
  /** What the player says of its latency, in seconds. */
  latency: number[]
  /** Glass to glass, in milliseconds, one for each frame shown whose clock was readable. */
  glass: number[]
  /** Frames shown whose clock was not. */
  glassUnreadable: number
}

export class Recorder {
  readonly #video: HTMLVideoElement
  readonly #canvas = document.createElement('canvas')
  readonly #started = performance.now()
  readonly #result: Result
  #position = 0
  #movedAt = 0
  #joined = false
  #progressed = false

  /** @param clock whether the picture carries a clock to read (clock.mjs) */
  constructor(video: HTMLVideoElement, player: string, src: string, clock: boolean) {
    this.#video = video
    this.#canvas.width = blocksFor(BITS) * SCALE
    this.#canvas.height = SCALE
    this.#result = {
      player,
      version: '',
      src,
      begun: Date.now(),
      errors: [],
      fatalErrors: 0,
      currentTime: 0,
      paused: true,
      ended: false,
      width: 0,
      height: 0,
      videoFrames: 0,
      droppedFrames: 0,
      audioBytes: 0,
      firstFrame: null,
      joined: null,
      events: [],
      frames: [],
      pictures: [],
      stalls: [],
      notes: [],
      steppedBack: 0,
      playbackRate: 1,
      buffer: 0,
      latency: [],
      glass: [],
      glassUnreadable: 0,
    }
    // Chromium's own HLS player starts in another way when somebody waits for frames,
    // and fails: it fetches the three segments it starts with before it plays, and
    // then gives up unless the playlist already lists a fourth (see ../plain.js).
    if (player !== 'native') this.#onFrame(clock)
    video.addEventListener('resize', () => this.#resized())
    setInterval(() => this.#look(), LOOK)
  }

  started(version: string, latency: () => number | null): void {
    this.#result.version = version
    setInterval(() => {
      const seconds = latency()
      if (seconds === null || !Number.isFinite(seconds) || this.#result.firstFrame === null) return
      keep(this.#result.latency, Math.round(seconds * 1000) / 1000)
    }, SAMPLE)
  }

  event(time: number, name: string, value: string): void {
    keep(this.#result.events, { time, shown: this.#video.currentTime, name, value })
  }

  note(what: string): void {
    const { notes } = this.#result
    notes.push(`${this.#elapsed()} ${this.#video.currentTime.toFixed(3)} ${what}`)
    if (notes.length > NOTES) notes.shift()
  }

  error(detail: string, fatal: boolean): void {
    this.note(`error ${detail}`)
    keep(this.#result.errors, { at: this.#elapsed(), detail, fatal })
    if (fatal) this.#result.fatalErrors++
  }

  read(): Result {
    const video = this.#video
    const frames = video.getVideoPlaybackQuality()
    const { buffered, currentTime } = video
    let buffer = 0
    for (let n = 0; n < buffered.length; n++) {
      if (buffered.start(n) <= currentTime && currentTime <= buffered.end(n)) buffer = buffered.end(n) - currentTime
    }
    return {
      ...this.#result,
      currentTime,
      paused: video.paused,
      ended: video.ended,
      width: video.videoWidth,
      height: video.videoHeight,
      videoFrames: frames.totalVideoFrames,
      droppedFrames: frames.droppedVideoFrames,
      audioBytes: (video as { webkitAudioDecodedByteCount?: number }).webkitAudioDecodedByteCount ?? 0,
      playbackRate: video.playbackRate,
      buffer,
    }
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#started)
  }

  #resized(): void {
    const { videoWidth: width, videoHeight: height } = this.#video
    keep(this.#result.pictures, { at: this.#elapsed(), width, height })
  }

  #onFrame(clock: boolean): void {
    this.#video.requestVideoFrameCallback((_, { mediaTime }) => {
      keep(this.#result.frames, mediaTime)
      this.#result.firstFrame ??= this.#elapsed()
      if (clock) this.#readGlass()
      this.#onFrame(clock)
    })
  }

  #readGlass(): void {
    const { videoWidth } = this.#video
    const context = this.#canvas.getContext('2d', { willReadFrequently: true })
    if (!context || videoWidth === 0) return
    const now = Date.now()
    const row = videoWidth / blocksFor(BITS)
    context.drawImage(this.#video, 0, 0, videoWidth, row, 0, 0, this.#canvas.width, this.#canvas.height)
    const time = readClock(this.#canvas)
    if (time === null) this.#result.glassUnreadable++
    else keep(this.#result.glass, ageOf(time, now))
  }

  #look(): void {
    const now = performance.now()
    const { currentTime, paused, ended, seeking } = this.#video
    if (paused || ended || seeking) this.#movedAt = now
    if (currentTime === this.#position) return
    const before = this.#position
    this.#position = currentTime
    if (seeking) return
    // A live player's first position is where it joins; the next is progress.
    if (this.#joined) {
      this.#result.firstFrame ??= this.#elapsed()
      if (this.#progressed && now - this.#movedAt >= STALL + LOOK) {
        keep(this.#result.stalls, { at: this.#elapsed(), duration: Math.round(now - this.#movedAt) })
      }
      if (currentTime < before) this.#result.steppedBack++
      this.#progressed = true
    }
    this.#joined = true
    this.#result.joined ??= currentTime
    this.#movedAt = now
  }
}

function keep<T>(list: T[], item: T): void {
  if (list.length < KEPT) list.push(item)
}
