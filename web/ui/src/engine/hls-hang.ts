// Takes hls.js away from a rung that hangs, before its buffer is empty.
//
// hls.js waits for a rung's next part for as long as the gateway lets it, which is nearly
// what it has in its buffer: then it is told that the rung is behind, as an error. Here
// the playlist is asked meanwhile, without waiting: its rendition reports tell which of
// the other rungs have gone on.

import { Events, type Level, type LevelDetails, type LevelLoadingData } from 'hls.js'
import type Hls from 'hls.js'
import { SAFETY } from './rungs'

/** So much of PART-HOLD-BACK (a fraction) is waited before the others are looked at. */
const PATIENCE = 0.4

/** A rung hangs when others have so many parts more than the one that it is asked for. */
const MORE = 1

/** What of hls.js is used. */
export type Player = Pick<Hls, 'autoLevelEnabled' | 'bandwidthEstimate' | 'levels' | 'nextLoadLevel' | 'on'>

const REPORT = /^#EXT-X-RENDITION-REPORT:.*$/gm
const URI = /URI="([^"]+)"/
const LAST_MSN = /LAST-MSN=(\d+)/
const LAST_PART = /LAST-PART=(\d+)/

/** What a level is asked for. */
interface Wanted {
  level: number
  /** of its playlist */
  url: string
  msn: number
  part: number
  details: LevelDetails
}

/** The addresses of those renditions that a playlist reports to be ahead of what is wanted. */
function ahead(playlist: string, { url, msn, part, details }: Wanted): Set<string> {
  const perSegment = Math.round(details.targetduration / details.partTarget)
  const found = new Set<string>()
  for (const [report] of playlist.matchAll(REPORT)) {
    const uri = URI.exec(report)?.[1]
    const lastMsn = Number(LAST_MSN.exec(report)?.[1])
    const lastPart = Number(LAST_PART.exec(report)?.[1] ?? perSegment - 1)
    if (uri && (lastMsn - msn) * perSegment + lastPart - part >= MORE) found.add(new URL(uri, url).href)
  }
  return found
}

class Watch {
  readonly #hls: Player
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking: AbortController | undefined

  constructor(hls: Player) {
    this.#hls = hls
  }

  waits({ level, levelInfo, url, deliveryDirectives }: LevelLoadingData): void {
    this.over()
    const { details } = levelInfo
    const { msn, part } = deliveryDirectives ?? {}
    if (msn === undefined || part === undefined || !details?.partHoldBack || !details.partTarget) return
    const at = new URL(url)
    for (const name of ['_HLS_msn', '_HLS_part', '_HLS_skip']) at.searchParams.delete(name)
    this.#askIn(PATIENCE * details.partHoldBack, { level, url: at.href, msn, part, details })
  }

  over(): void {
    clearTimeout(this.#timer)
    this.#asking?.abort()
  }

  #askIn(seconds: number, wanted: Wanted): void {
    this.#timer = setTimeout(() => void this.#ask(wanted), 1000 * seconds)
  }

  async #ask(wanted: Wanted): Promise<void> {
    const asking = (this.#asking = new AbortController())
    let others: Set<string>
    try {
      const response = await fetch(wanted.url, { signal: asking.signal, cache: 'no-store' })
      if (!response.ok) return
      others = ahead(await response.text(), wanted)
    } catch {
      return // hls.js meets by itself what is wrong
    }
    if (asking.signal.aborted || this.#leaves(wanted.level, others)) return
    this.#askIn(wanted.details.partTarget / 2, wanted)
  }

  /** Goes on in the best level of those that have gone on, if there is one. */
  #leaves(waiting: number, others: Set<string>): boolean {
    const { autoLevelEnabled, levels, bandwidthEstimate } = this.#hls
    const alive = levels.filter((level, n) => n !== waiting && others.has(level.uri))
    const next = alive.findLast(({ bitrate }) => bitrate <= SAFETY * bandwidthEstimate) ?? alive[0]
    if (!next || !autoLevelEnabled) return false
    penalize(levels[waiting])
    this.#hls.nextLoadLevel = levels.indexOf(next)
    return true
  }
}

/** Keeps hls.js off a level for errorPenaltyExpireMs, as an error of it does. */
function penalize(level: Level | undefined): void {
  if (!level) return
  level.loadError++
  level.loadErrorTime = performance.now()
}

/** Lets hls.js leave a rung that hangs. To be called before loadSource. */
export function leaveHanging(hls: Player): void {
  const watch = new Watch(hls)
  hls.on(Events.LEVEL_LOADING, (_, data) => watch.waits(data))
  for (const event of [Events.LEVEL_LOADED, Events.ERROR, Events.MEDIA_DETACHING, Events.DESTROYING] as const) {
    hls.on(event, () => watch.over())
  }
}
