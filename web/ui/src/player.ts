// Player owns the video element and the engine in it, and keeps both as the model
// (core/machine) wants them. Everything people see is a signal.

import { batch, computed, signal } from '@preact/signals'
import { chooseEngine, type EngineName } from './core/choose'
import { Follower, isBehind, latencyOf } from './core/latency'
import { type Event, initial, type Model, noteOf, phaseOf, reduce } from './core/machine'
import { Progress } from './core/progress'
import { Failures } from './core/schedule'
import { audioOnlyRendition, isAudioStream, type Status } from './core/status'
import { renditionURL, startingAt, startOf, streamURLs, type StreamURLs } from './core/urls'
import type { Engine, EngineError, EngineHost, Level } from './engine/engine'
import { detectSupport, type EngineFactory, loadEngine, loadedEngine } from './engine/load'
import { type Answer, Poller } from './poller'
import { recall, remember } from './preferences'
import { Sound } from './sound'
import { readStats, type Stats } from './stats'

/** The latency shown is renewed, and a standstill looked for, this often (ms). */
const TICK = 500
/** A player that stands still for this long while there is a broadcast needs a fresh engine (ms). */
const STANDSTILL = 10_000
/** The same when the broadcast is over: its end is reached (ms). */
const STANDSTILL_OVER = 3_000
/** How many errors are kept for looking at. */
const ERRORS_KEPT = 100

/** A choice in the quality menu: a level's id, 'auto', or sound alone. */
export type Quality = 'auto' | 'audio' | (string & {})

export interface RecordedError extends EngineError {
  at: Date
}

export class Player {
  readonly video: HTMLVideoElement
  readonly urls: StreamURLs
  readonly stream: string
  readonly support = detectSupport()
  readonly sound: Sound

  readonly #model = signal<Model>(initial)
  readonly phase = computed(() => phaseOf(this.#model.value))
  readonly note = computed(() => noteOf(this.#model.value))
  readonly source = computed(() => this.#model.value.source)
  readonly status = signal<Status | null>(null)

  readonly engineName = signal<EngineName | null>(null)
  readonly engineLabel = signal('')
  readonly levels = signal<Level[]>([])
  readonly level = signal<string | null>(null)
  readonly quality = signal<Quality>('auto')
  readonly audioOnly = computed(() => this.quality.value === 'audio')
  readonly audioRendition = computed(() => audioOnlyRendition(this.status.value))
  /** Nothing to see, by choice or because the stream has sound alone. */
  readonly pictureless = computed(() => this.audioOnly.value || isAudioStream(this.status.value))

  readonly latency = signal<number | null>(null)
  readonly behind = signal(false)
  /** Whether the viewer wants it to play; a pause is the only thing that says no. */
  readonly wanted = signal(true)

  readonly errors: RecordedError[] = []
  fatalErrors = 0
  stalls = 0

  readonly #poller: Poller
  readonly #failures = new Failures()
  readonly #follower = new Follower()
  readonly #progress = new Progress()
  #engine: Engine | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  /** The generation that was told to play. */
  #begun = 0

  /** Of the URLs of a stream that is signed; empty where it is public. */
  readonly #token: string

  /** Where the page's address has the next engine begin; null once one has played. */
  #start = startOf(location.search)
  /** Whether the present engine began there, and keeps so far from live. */
  #late = false

  constructor(video: HTMLVideoElement, origin: string, stream: string, token = '') {
    this.video = video
    this.stream = stream
    this.#token = token
    this.urls = streamURLs(origin, stream, token)
    this.sound = new Sound(video)
    this.engineName.value = chooseEngine(location.search, recall('engine'), this.support)
    this.#poller = new Poller(this.urls.status, () => this.phase.peek(), (a) => this.#onAnswer(a))
  }

  start(): void {
    const { video } = this
    video.addEventListener('canplay', () => void this.#begin())
    video.addEventListener('playing', () => this.#onPlaying())
    video.addEventListener('waiting', () => this.#onWaiting())
    video.addEventListener('pause', () => this.#onPause())
    video.addEventListener('play', () => (this.wanted.value = true))
    video.addEventListener('ended', () => this.#onEnded())
    setInterval(() => this.#tick(), TICK)
    // Fetched ahead, so that it is there the moment a broadcast starts.
    if (this.engineName.value) void loadEngine(this.engineName.value).catch(() => {})
    this.#poller.start()
  }

  // What the viewer does.

  togglePlay(): void {
    if (this.phase.peek() === 'ended') this.replay()
    else if (this.video.paused) this.play()
    else this.video.pause()
  }

  play(): void {
    this.wanted.value = true
    void this.sound.play()
  }

  replay(): void {
    this.wanted.value = true
    this.#dispatch({ type: 'replay' })
  }

  goLive(): void {
    if (this.#late) {
      // Its engine takes that distance for the place to be.
      this.#start = null
      this.wanted.value = true
      this.#dispatch({ type: 'reload' })
      return
    }
    this.#follower.follow()
    this.#progress.reset(performance.now())
    this.#engine?.goLive()
    this.behind.value = false
    this.play()
  }

  seek(position: number): void {
    this.#follower.release()
    this.#progress.reset(performance.now())
    this.video.currentTime = position
  }

  useEngine(name: EngineName): void {
    if (name === this.engineName.peek()) return
    remember('engine', name)
    batch(() => {
      this.engineName.value = name
      if (this.quality.value !== 'audio') this.quality.value = 'auto'
      this.levels.value = []
    })
    this.#failures.reset()
    this.#dispatch({ type: 'reload' })
  }

  useQuality(quality: Quality): void {
    const before = this.quality.peek()
    if (quality === before) return
    this.quality.value = quality
    if (quality === 'audio' || before === 'audio') this.#dispatch({ type: 'reload' })
    else this.#engine?.select(quality === 'auto' ? null : quality)
  }

  // What is to be seen of it.

  stats(): Stats {
    return readStats(this, this.#engine)
  }

  // The model, and what follows from it.

  #dispatch(event: Event): void {
    const before = this.#model.peek()
    const after = reduce(before, event)
    if (after === before) return
    this.#model.value = after
    if (after.generation !== before.generation) void this.#exchange(after)
  }

  /** Puts a fresh engine in place of the present one, or none. */
  async #exchange(m: Model): Promise<void> {
    clearTimeout(this.#retry)
    this.#engine?.destroy()
    this.#engine = null
    // A fresh engine joins at the live edge, or where the address says.
    this.#late = m.source === 'live' && this.#start !== null && !this.audioOnly.peek()
    if (this.#late) this.#follower.release()
    else this.#follower.follow()
    // dash.js catches up by speed, and leaves it as it was.
    this.video.playbackRate = 1
    this.#progress.reset(performance.now())
    batch(() => {
      this.latency.value = null
      this.behind.value = false
      this.level.value = null
    })
    const name = this.engineName.peek()
    if (m.source === 'none' || !name) return
    let create: EngineFactory
    try {
      create = await loadEngine(name)
    } catch (cause) {
      if (m.generation === this.#model.peek().generation) this.#onUnloadable(name, cause)
      return
    }
    if (m.generation !== this.#model.peek().generation) return
    const engine = create(this.#hostFor(m.generation, name))
    this.#engine = engine
    this.engineLabel.value = engine.label
    engine.load({ url: this.#address(name), audioOnly: this.audioOnly.peek() })
    // Phones load nothing by themselves before they are told to play.
    if (name === 'native') void this.#begin()
  }

  #onUnloadable(name: EngineName, cause: unknown): void {
    const other = loadedEngine()
    this.#onError({ engine: name, kind: 'network', detail: `load player: ${String(cause)}`, fatal: !other })
    if (!other) return
    this.engineName.value = other
    this.#dispatch({ type: 'reload' })
  }

  #address(name: EngineName): string {
    if (name === 'dash') return startingAt(this.urls.dash, this.#late ? this.#start : null)
    const audio = this.audioOnly.peek() ? this.audioRendition.peek() : null
    return audio ? renditionURL(location.origin, this.stream, audio.id, this.#token) : startingAt(this.urls.hls, this.#late ? this.#start : null)
  }

  /** What an engine of one generation tells; it is not heard any more once its time is over. */
  #hostFor(generation: number, name: EngineName): EngineHost {
    const current = () => generation === this.#model.peek().generation
    return {
      video: this.video,
      levels: (levels) => current() && this.#onLevels(levels),
      level: (id) => current() && (this.level.value = id),
      error: (error) => current() && this.#onError({ ...error, engine: name }),
    }
  }

  #onLevels(levels: Level[]): void {
    this.levels.value = levels.filter((l) => l.height > 0 || l.bandwidth > 0)
    const wanted = this.quality.peek()
    if (wanted === 'auto' || wanted === 'audio') return
    if (levels.some((l) => l.id === wanted)) this.#engine?.select(wanted)
    else this.quality.value = 'auto'
  }

  #onAnswer(answer: Answer): void {
    if (answer === 'missing' || answer === 'unreachable') {
      this.#dispatch({ type: answer })
      return
    }
    const before = this.#model.peek()
    this.status.value = answer
    this.#dispatch({ type: 'status', state: answer.state })
    if (answer.state === 'live' && before.server !== 'live') {
      // Whatever failed in between failed because there was nothing to play.
      this.#failures.reset()
      this.#progress.reset(performance.now())
      this.#dispatch({ type: 'retry' })
    }
  }

  // The element.

  /** Plays a fresh engine's media, or doesn't where the viewer had paused the last one. */
  async #begin(): Promise<void> {
    const { generation } = this.#model.peek()
    if (this.#begun === generation) return
    this.#begun = generation
    if (this.wanted.peek()) await this.sound.play()
    if (this.video.paused) this.#dispatch({ type: 'playback', playback: 'paused' })
  }

  #onPlaying(): void {
    if (this.#late) this.#start = null
    this.#dispatch({ type: 'playback', playback: 'playing' })
  }

  #onWaiting(): void {
    if (this.video.paused) return
    if (this.#model.peek().playback === 'playing' && !this.video.seeking) this.stalls++
    this.#dispatch({ type: 'playback', playback: 'buffering' })
  }

  #onPause(): void {
    if (this.video.ended) return
    this.wanted.value = false
    this.#follower.release()
    this.#dispatch({ type: 'playback', playback: 'paused' })
  }

  #onEnded(): void {
    this.#dispatch({ type: 'finished' })
    this.#poller.now()
    this.#scheduleRetry()
  }

  #onError(error: EngineError): void {
    this.errors.push({ ...error, at: new Date() })
    if (this.errors.length > ERRORS_KEPT) this.errors.shift()
    if (!error.fatal || this.#model.peek().playback === 'broken') return
    this.fatalErrors++
    const first = this.#failures.count(performance.now()) < 0.5
    if (first && this.#engine?.recover(error.kind)) {
      this.#failures.add(performance.now(), Math.random())
      return
    }
    this.#break()
  }

  #break(): void {
    this.#dispatch({ type: 'broken' })
    this.#poller.now()
    this.#scheduleRetry()
  }

  #scheduleRetry(): void {
    if (this.#model.peek().playback !== 'broken') return
    clearTimeout(this.#retry)
    const delay = this.#failures.add(performance.now(), Math.random())
    this.#retry = setTimeout(() => this.#dispatch({ type: 'retry' }), delay)
  }

  // Time.

  #tick(): void {
    this.#watch()
    const m = this.#model.peek()
    if (m.source !== 'live') return
    const playing = this.#engine?.playingDate() ?? null
    // dash.js has asked the server for the time by itself.
    const offset = this.engineName.peek() === 'dash' ? 0 : this.#poller.clock.offset()
    const latency = playing === null ? null : latencyOf(playing, Date.now(), offset)
    batch(() => {
      this.latency.value = latency
      this.behind.value = this.#late || isBehind(this.#engine?.lag() ?? null, this.behind.peek())
    })
    const late = this.behind.peek() && m.playback === 'playing' && m.server === 'live' && !m.over
    if (this.#follower.look(late, performance.now())) this.#engine?.goLive()
  }

  #flows(): boolean {
    return !this.video.paused && !this.video.seeking && this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA
  }

  /** Notices progress that no event told of, and a standstill that none told of either. */
  #watch(): void {
    const m = this.#model.peek()
    const should = m.source !== 'none' && !this.video.paused && !document.hidden && m.server !== 'away'
    const { moved, still } = this.#progress.look(this.video.currentTime, should, performance.now())
    if (moved && m.playback === 'buffering' && this.#flows()) this.#onPlaying()
    if (m.playback === 'broken' || still < (m.over ? STANDSTILL_OVER : STANDSTILL)) return
    this.#progress.reset(performance.now())
    if (!m.over) {
      const engine = this.engineName.peek() ?? 'native'
      this.#onError({ engine, kind: 'other', detail: 'playback stands still', fatal: false })
    }
    this.#break()
  }
}
