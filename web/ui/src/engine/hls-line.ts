// Keeps hls.js with a line that becomes thinner.
//
// hls.js thinks about its level once a segment, and while a part comes it asks only
// whether that very part would be there sooner in another. With parts of 0.2 s the
// answer is always no, so a segment that has begun is loaded to its end, seven seconds
// long on a line that carries a quarter of it. Here the rest of the segment counts.

import { Events, type FragLoadingData, type Fragment, type Level, type Part } from 'hls.js'
import type Hls from 'hls.js'
import { isLate, wayOut, type Outlook } from './rungs'

/** How often a part that comes is looked at (ms). */
const LOOK = 50

/** A part must have been coming for this long (ms) before it tells anything. */
const LEAST = 100

/** By how much the estimate set after a switch may exceed the new level's rate: enough to stay, not to go back up. */
const ABOVE = 1.1

/** What of hls.js is used. */
export type Player = Pick<
  Hls,
  'autoLevelEnabled' | 'bandwidthEstimate' | 'levels' | 'mainForwardBufferInfo' | 'media' | 'nextLoadLevel' | 'on' | 'trigger'
>

/** kbit/s */
const rateOf = (level: Level) => level.bitrate / 1000

/** A part that is coming, and what its segment had before it. */
interface Loading {
  frag: Fragment
  part: Part
  /** kbit and seconds of media of the parts that came just before it, of the same segment */
  size: number
  media: number
}

class Line {
  readonly #hls: Player
  #timer: ReturnType<typeof setInterval> | undefined
  #loading: Loading | null = null

  constructor(hls: Player) {
    this.#hls = hls
  }

  begins({ frag, part }: Pick<FragLoadingData, 'frag' | 'part'>): void {
    if (frag.type !== 'main') return
    const before = this.#loading
    this.ends()
    if (!part) return
    const goesOn = before?.frag === frag && before.part.index + 1 === part.index
    this.#loading = {
      frag, part,
      size: goesOn ? before.size + (8 * before.part.stats.loaded) / 1000 : 0,
      media: goesOn ? before.media + before.part.duration : 0,
    }
    this.#timer = setInterval(() => this.#look(), LOOK)
  }

  ends(): void {
    clearInterval(this.#timer)
    this.#loading = null
  }

  #look(): void {
    const loading = this.#loading
    if (!loading) return
    const { stats } = loading.part
    if (stats.aborted || (stats.total > 0 && stats.loaded >= stats.total)) {
      clearInterval(this.#timer)
      return
    }
    const outlook = this.#outlook(loading)
    if (!outlook || !isLate(outlook)) return
    const lower = this.#hls.levels.slice(0, loading.frag.level).reverse()
    const level = lower[wayOut(outlook, lower.map(rateOf))]
    if (level) this.#leave(loading, level, outlook.rate)
  }

  /** What is to be expected of the segment; null while nothing can be said. */
  #outlook({ frag, part, size, media }: Loading): Outlook | null {
    const { autoLevelEnabled, levels, media: video, mainForwardBufferInfo } = this.#hls
    const level = levels[frag.level]
    const { loading, loaded } = part.stats
    const took = performance.now() - loading.first
    if (!autoLevelEnabled || !video || !level || !loading.first || loaded === 0 || took < LEAST) return null
    const length = Math.max(level.details?.targetduration ?? 0, part.fragOffset + part.duration)
    const known = media > 0 ? Math.min(size / media, rateOf(level)) : rateOf(level)
    return {
      rate: (8 * loaded) / took,
      left: Math.max(0, (length - part.fragOffset) * known - (8 * loaded) / 1000),
      published: part.fragOffset + part.duration,
      ends: frag.start + length - video.currentTime,
      buffer: mainForwardBufferInfo?.len ?? 0,
    }
  }

  /** Drops what is coming and goes on in another level, as hls.js's own rule does. */
  #leave({ frag, part }: Loading, level: Level, rate: number): void {
    this.ends()
    this.#hls.bandwidthEstimate = 1000 * Math.min(rate, ABOVE * rateOf(level))
    this.#hls.nextLoadLevel = this.#hls.levels.indexOf(level)
    frag.abortRequests()
    this.#hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part, stats: part.stats })
  }
}

/**
 * Lets hls.js leave a segment in its middle that the line doesn't carry. To be called
 * before loadSource.
 */
export function followLine(hls: Player): void {
  const line = new Line(hls)
  hls.on(Events.FRAG_LOADING, (_, data) => line.begins(data))
  hls.on(Events.MEDIA_DETACHING, () => line.ends())
  hls.on(Events.DESTROYING, () => line.ends())
}
