import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { bitrate, frameRate } from '../core/format'
import type { Player } from '../player'
import type { Stats } from '../stats'
import { CloseIcon } from './icons'
import type { Shared } from './screen'

const EVERY = 500

export function StatsPanel({ player, ui }: Shared) {
  if (!ui.stats.value) return null
  return (
    <div class="stats" role="region" aria-label="Statistics">
      <button type="button" class="stats-close" aria-label="Close statistics" onClick={() => (ui.stats.value = false)}>
        <CloseIcon />
      </button>
      <Readings player={player} />
    </div>
  )
}

function Readings({ player }: { player: Player }) {
  const stats = useSignal(player.stats())
  useEffect(() => {
    const timer = setInterval(() => (stats.value = player.stats()), EVERY)
    return () => clearInterval(timer)
  }, [player, stats])
  return (
    <dl>
      {rows(stats.value).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function rows(s: Stats): [name: string, value: string][] {
  const size = s.width > 0 ? `${s.width}×${s.height}` : '–'
  const fps = s.level && s.level.fps > 0 ? ` @ ${frameRate(s.level.fps)}` : ''
  return [
    ['Engine', s.engine || '–'],
    ['State', s.phase],
    ['Picture', size + fps],
    ['Bit rate', s.level && s.level.bandwidth > 0 ? bitrate(s.level.bandwidth) : '–'],
    ['Network', s.throughput === null ? '–' : bitrate(s.throughput)],
    ['Latency', s.latency === null ? '–' : `${s.latency.toFixed(2)} s`],
    ['Aim', s.target === null ? '–' : `${s.target.toFixed(2)} s`],
    ['Buffer', `${s.buffer.toFixed(2)} s`],
    ['Speed', `${s.playbackRate.toFixed(2)}×`],
    ['Dropped', `${s.droppedFrames} of ${s.decodedFrames}`],
    ['Stalls', String(s.stalls)],
    ['Errors', String(s.errors)],
  ]
}
