// Asks the server for the stream's state, again and again.

import { type Phase } from './core/machine'
import { ServerClock } from './core/clock'
import { pollDelay } from './core/schedule'
import { parseStatus, type Status } from './core/status'

const TIMEOUT = 8000

/** An answer: the status, that there is no such stream, or that none came. */
export type Answer = Status | 'missing' | 'unreachable'

export class Poller {
  readonly clock = new ServerClock()
  readonly #url: string
  readonly #phase: () => Phase
  readonly #onAnswer: (answer: Answer) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking = false
  #unchanged = 0
  #last = ''

  /** @param phase what the page shows, for the pace */
  constructor(url: string, phase: () => Phase, onAnswer: (answer: Answer) => void) {
    this.#url = url
    this.#phase = phase
    this.#onAnswer = onAnswer
  }

  start(): void {
    addEventListener('online', () => this.now())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.now()
    })
    this.now()
  }

  /** Asks at once, and quickly for a while: something has changed. */
  now(): void {
    this.#unchanged = 0
    clearTimeout(this.#timer)
    void this.#ask()
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const answer = await this.#fetch()
    this.#asking = false
    const said = typeof answer === 'string' ? answer : `${answer.state} ${answer.since?.getTime()}`
    this.#unchanged = said === this.#last ? this.#unchanged + 1 : 0
    this.#last = said
    this.#onAnswer(answer)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), pollDelay(this.#phase(), this.#unchanged, Math.random()))
  }

  async #fetch(): Promise<Answer> {
    try {
      const sent = Date.now()
      const response = await fetch(this.#url, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) })
      this.#observeDate(response, sent, Date.now())
      if (response.status === 404) return 'missing'
      if (!response.ok) return 'unreachable'
      return parseStatus(await response.json()) ?? 'unreachable'
    } catch {
      return 'unreachable'
    }
  }

  #observeDate(response: Response, sent: number, received: number): void {
    const date = response.headers.get('date')
    // An answer out of a cache has the date at which the cache got it.
    if (date && !response.headers.has('age')) this.clock.observe(sent, received, Date.parse(date))
  }
}
