// Settings: quality, engine, and what can be unfolded.

import { useEffect, useRef } from 'preact/hooks'
import { availableEngines, type EngineName } from '../core/choose'
import { bitrate, frameRate, pictureSize } from '../core/format'
import type { Level } from '../engine/engine'
import type { Player, Quality } from '../player'
import type { Shared } from './screen'

interface MenuProps extends Shared {
  close: () => void
  /** The button that opened it: a press on it closes by itself. */
  opener: Element | null
}

export function Menu({ player, ui, close, opener }: MenuProps) {
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    box.current?.querySelector<HTMLElement>('input:checked, input, button')?.focus({ preventScroll: true })
    const onPress = (e: PointerEvent) => {
      const at = e.target as Node
      if (!box.current?.contains(at) && !opener?.contains(at)) ui.menu.value = false
    }
    document.addEventListener('pointerdown', onPress)
    return () => document.removeEventListener('pointerdown', onPress)
  }, [ui, opener])

  const onKey = (e: KeyboardEvent) => {
    if (e.key !== 'Escape') return
    e.stopPropagation()
    close()
  }
  return (
    <div class="menu" role="dialog" aria-label="Settings" ref={box} onKeyDown={onKey}>
      <QualityChoice player={player} />
      <EngineChoice player={player} />
      <div class="menu-more">
        <button type="button" class="menu-row" aria-pressed={ui.stats.value} onClick={() => ui.perform('stats')}>
          <span>Statistics</span>
          <span class="switch" />
        </button>
        <button
          type="button"
          class="menu-row for-keyboards"
          onClick={() => {
            ui.menu.value = false
            ui.help.value = true
          }}
        >
          <span>Keyboard shortcuts</span>
          <kbd>?</kbd>
        </button>
      </div>
    </div>
  )
}

function QualityChoice({ player }: { player: Player }) {
  const quality = player.quality.value
  const levels = [...player.levels.value].sort((a, b) => b.height - a.height || b.bandwidth - a.bandwidth)
  const now = levels.find((l) => l.id === player.level.value)
  const audio = player.audioRendition.value
  const choose = (q: Quality) => () => player.useQuality(q)
  return (
    <fieldset class="choices">
      <legend>Quality</legend>
      <Choice
        label="Auto"
        detail={quality === 'auto' && now && now.height > 0 ? pictureSize(now) : ''}
        checked={quality === 'auto'}
        choose={choose('auto')}
      />
      {levels.map((l) => (
        <Choice
          key={l.id}
          label={l.height > 0 ? pictureSize(l) : 'Sound'}
          detail={levelDetail(l)}
          checked={quality === l.id}
          choose={choose(l.id)}
        />
      ))}
      {audio && (
        <Choice
          label="Audio only"
          detail={audio.bandwidth > 0 ? bitrate(audio.bandwidth) : ''}
          checked={quality === 'audio'}
          choose={choose('audio')}
        />
      )}
    </fieldset>
  )
}

function levelDetail(l: Level): string {
  const parts = []
  if (l.fps > 0) parts.push(`${frameRate(l.fps)} fps`)
  if (l.bandwidth > 0) parts.push(bitrate(l.bandwidth))
  return parts.join(' · ')
}

interface ChoiceProps {
  label: string
  detail: string
  checked: boolean
  choose: () => void
}

function Choice({ label, detail, checked, choose }: ChoiceProps) {
  return (
    <label class="choice">
      <input type="radio" name="quality" checked={checked} onChange={choose} />
      <span class="choice-label">{label}</span>
      <span class="choice-detail">{detail}</span>
    </label>
  )
}

const engineWords: Record<EngineName, [label: string, meaning: string]> = {
  hls: ['HLS', 'Low-latency HLS, played by hls.js'],
  dash: ['DASH', 'Low-latency DASH, played by dash.js'],
  native: ['Native', 'HLS, played by the browser'],
}

/** HLS or DASH; nothing where there is no choice. */
export function EngineChoice({ player }: { player: Player }) {
  const engines = availableEngines(player.support)
  if (engines.length < 2) return null
  return (
    <div class="engine-choice" role="group" aria-label="Played as">
      <span class="engine-words">Played as</span>
      <span class="segments">
        {engines.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={player.engineName.value === name}
            title={engineWords[name][1]}
            onClick={() => player.useEngine(name)}
          >
            {engineWords[name][0]}
          </button>
        ))}
      </span>
    </div>
  )
}
