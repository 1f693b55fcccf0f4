// The way through what can be sought: a replay, or a broadcast with a long window.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { clockTime } from '../core/format'
import type { Player } from '../player'

/** Shorter than this (s), a live window has nothing worth seeking. */
const WORTHWHILE = 60

export function Scrubber({ player }: { player: Player }) {
  const range = useSignal({ start: 0, end: 0, at: 0 })
  const { video } = player

  useEffect(() => {
    const read = () => {
      const { seekable } = video
      if (seekable.length === 0) return
      const start = seekable.start(0)
      const end = seekable.end(seekable.length - 1)
      range.value = { start, end, at: Math.min(Math.max(video.currentTime, start), end) }
    }
    const events = ['timeupdate', 'durationchange', 'seeking', 'progress']
    for (const e of events) video.addEventListener(e, read)
    return () => {
      for (const e of events) video.removeEventListener(e, read)
    }
  }, [video, range])

  const { start, end, at } = range.value
  const replay = player.source.value === 'replay'
  if (!(end > start) || !Number.isFinite(end) || (!replay && end - start < WORTHWHILE)) return null
  const words = replay ? `${clockTime(at - start)} / ${clockTime(end - start)}` : `−${clockTime(end - at)}`
  return (
    <div class="scrubber">
      <input
        class="slider"
        type="range"
        min={start}
        max={end}
        step="0.1"
        aria-label="Position"
        aria-valuetext={words}
        value={at}
        style={{ '--filled': `${(100 * (at - start)) / (end - start)}%` }}
        onInput={(e) => player.seek(Number(e.currentTarget.value))}
      />
      <span class="scrubber-words">{words}</span>
    </div>
  )
}
