// Whether a picture moves, as its playhead tells. Events don't: some engines
// announce a playing that is none, and nudge a playhead that has nothing to play.

/** Less than this (s) is a nudge, not progress. */
const STEP = 0.2
/** A step back by more than this (s) was meant; by less, it is an engine that plays its last moments over and over. */
const BACK = 3

export class Progress {
  #furthest = Number.NEGATIVE_INFINITY
  #since = 0

  /** From now on something else is watched. */
  reset(now: number): void {
    this.#furthest = Number.NEGATIVE_INFINITY
    this.#since = now
  }

  /**
   * Looks at the playhead; to be called about twice a second.
   *
   * @param position of the playhead, in seconds
   * @param should whether it should move: it is not paused, and a page in sight
   * @param now in milliseconds, of any steady clock
   */
  look(position: number, should: boolean, now: number): { moved: boolean; still: number } {
    const moved = position >= this.#furthest + STEP || position < this.#furthest - BACK
    if (moved) this.#furthest = position
    if (moved || !should) this.#since = now
    return { moved, still: now - this.#since }
  }
}
