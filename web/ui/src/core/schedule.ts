// When to ask again, and when to try again. All times in milliseconds.

import type { Phase } from './machine'

const POLL = 2000
const POLL_MAX = 5000
const POLL_GROWTH = 1.25
/** A stream that is starting has its first part within a second or so. */
const POLL_STARTING = 700
/** Viewers who opened the page together must not ask together for ever. */
const JITTER = 0.1

/**
 * How long to wait before the next status request.
 *
 * @param unchanged how many answers in a row brought nothing new
 * @param random in [0, 1)
 */
export function pollDelay(phase: Phase, unchanged: number, random: number): number {
  const base = phase === 'starting' ? POLL_STARTING : Math.min(POLL * POLL_GROWTH ** unchanged, POLL_MAX)
  return base * (1 + JITTER * (2 * random - 1))
}

const RETRY = 400
const RETRY_MAX = 8000
/** Failures are forgotten by half in this time: a rare one is retried at once, a run of them ever more slowly. */
const FAILURE_HALF_LIFE = 15000

/** Counts failures, and forgets them as time passes without any. */
export class Failures {
  #count = 0
  #at = 0

  /** Counts one more, and says how long to wait before the next attempt. */
  add(now: number, random: number): number {
    this.#count = this.count(now) + 1
    this.#at = now
    const delay = Math.min(RETRY * 2 ** (this.#count - 1), RETRY_MAX)
    return delay * (0.75 + 0.5 * random)
  }

  count(now: number): number {
    return this.#count * 0.5 ** ((now - this.#at) / FAILURE_HALF_LIFE)
  }

  reset(): void {
    this.#count = 0
  }
}
