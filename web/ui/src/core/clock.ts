// How far the server's clock is from ours, from the Date headers of answers.
//
// A Date header has whole seconds, so one answer only says that the offset lies in
// an interval somewhat more than a second wide. Answers that arrive at different
// fractions of a second say different intervals, and all hold: their intersection
// soon is about as narrow as a round trip.

/** Offsets are server minus local, in milliseconds. */
interface Interval {
  low: number
  high: number
}

/** Wider than this, an interval says less than the local clock does. */
const USEFUL_WIDTH = 500
/** Clocks drift; an answer older than this many is forgotten. */
const KEPT = 40

export class ServerClock {
  #answers: Interval[] = []

  /**
   * @param sent local time when the request left
   * @param received local time when its answer's headers had arrived
   * @param date the answer's Date header, parsed
   */
  observe(sent: number, received: number, date: number): void {
    if (Number.isNaN(date) || received < sent) return
    this.#answers.push({ low: date - received, high: date + 1000 - sent })
    if (this.#answers.length > KEPT) this.#answers.shift()
    // One of the two clocks was set: what was known before is wrong.
    if (!this.#intersection()) this.#answers = this.#answers.slice(-1)
  }

  /** What to add to the local clock; 0 as long as the local clock may be right. */
  offset(): number {
    const known = this.#intersection()
    if (!known || (known.low <= 0 && known.high >= 0)) return 0
    if (known.high - known.low <= USEFUL_WIDTH) return (known.low + known.high) / 2
    // Certainly wrong, not yet known by how much: the nearest that may be right.
    return known.low > 0 ? known.low : known.high
  }

  #intersection(): Interval | null {
    if (this.#answers.length === 0) return null
    const low = Math.max(...this.#answers.map((a) => a.low))
    const high = Math.min(...this.#answers.map((a) => a.high))
    return low <= high ? { low, high } : null
  }
}
