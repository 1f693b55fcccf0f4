// How far behind the broadcast the picture is, in seconds.

/** So far (s) behind the place to be is behind; so near to it is live again. */
const BEHIND = 2.5
const CAUGHT_UP = 1

/** More than a day is a playlist without true dates, not a latency. */
const PLAUSIBLE = 86400

/**
 * @param playing the moment that the picture on the screen was received, as the server dated it
 * @param now local time
 * @param offset what to add to the local clock to get the server's
 * @returns null when the date can't be one of a live stream
 */
export function latencyOf(playing: number, now: number, offset: number): number | null {
  const seconds = (now + offset - playing) / 1000
  if (!Number.isFinite(seconds) || Math.abs(seconds) > PLAUSIBLE) return null
  return Math.max(0, seconds)
}

/**
 * Whether "go live" makes sense. Has hysteresis, so that the badge doesn't flicker.
 *
 * @param lag how far the playhead is behind the place where the engine would join
 *   now, in seconds; null when unknown. The latency is no measure of it: a
 *   broadcast whose dates are wrong is late everywhere.
 * @param was what this function last said
 */
export function isBehind(lag: number | null, was: boolean): boolean {
  return lag !== null && lag > (was ? CAUGHT_UP : BEHIND)
}

/** Behind for this long without having asked for it (ms), a viewer is taken back to live … */
const PATIENCE = 2000
/** … but not again within this time: on a network that is too slow for live, playing late is the better thing. */
const PAUSE = 20000

/**
 * Decides when to return to live without being asked: after a broadcaster's
 * absence or a hiccup of the network, for viewers who were watching live. Who has
 * paused or sought stays where they are, until they go live themselves.
 */
export class Follower {
  #following = true
  #behindSince: number | null = null
  #returned = Number.NEGATIVE_INFINITY

  /** The viewer chose to be late. */
  release(): void {
    this.#following = false
  }

  /** The viewer wants to watch live, or has just come. */
  follow(): void {
    this.#following = true
    this.#behindSince = null
  }

  /**
   * Looks again.
   *
   * @param behind what isBehind says, of a picture that moves
   * @param now in milliseconds, of any steady clock
   * @returns whether to go live now
   */
  look(behind: boolean, now: number): boolean {
    if (!behind || !this.#following) {
      this.#behindSince = null
      return false
    }
    this.#behindSince ??= now
    if (now - this.#behindSince < PATIENCE || now - this.#returned < PAUSE) return false
    this.#behindSince = null
    this.#returned = now
    return true
  }
}
