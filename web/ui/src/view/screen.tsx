// The player: the picture, what lies over it, and the controls.

import { useEffect, useRef } from 'preact/hooks'
import type { Player } from '../player'
import { Controls } from './controls'
import { Curtain } from './curtain'
import { Help } from './help'
import { actionFor, focusOf } from './keys'
import { StatsPanel } from './stats-panel'
import type { Ui } from './ui'

export interface Shared {
  player: Player
  ui: Ui
}

export function Screen({ player, ui, title }: Shared & { title: string }) {
  const frame = useRef<HTMLElement>(null)
  const picture = useRef<HTMLDivElement>(null)

  useEffect(() => {
    picture.current?.append(player.video)
    if (frame.current) ui.start(frame.current)
    const onKey = (e: KeyboardEvent) => {
      const action = actionFor(e, focusOf(document.activeElement))
      if (!action) return
      e.preventDefault()
      ui.perform(action)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [player, ui])

  const phase = player.phase.value
  const quiet = phase === 'playing' && !ui.awake.value && !ui.menu.value && !ui.help.value
  return (
    <section
      class={`screen${quiet ? ' quiet' : ''}${player.pictureless.value ? ' pictureless' : ''}`}
      data-phase={phase}
      ref={frame}
      aria-label={`${title}: live video`}
      onPointerMove={(e) => e.pointerType === 'mouse' && ui.wake()}
      onPointerLeave={(e) => e.pointerType === 'mouse' && ui.doze()}
    >
      <div
        class="picture"
        ref={picture}
        onClick={(e) => onPictureClick(e, { player, ui })}
        onDblClick={() => void ui.toggleFullscreen()}
      />
      <div class="over">
        <Curtain player={player} ui={ui} />
        <StatsPanel player={player} ui={ui} />
        <p class={`said${ui.said.value ? ' now' : ''}`} role="status">
          {ui.said.value}
        </p>
      </div>
      <Controls player={player} ui={ui} />
      <Help ui={ui} />
    </section>
  )
}

/** A mouse plays and pauses; a finger brings the controls, or sends them away. */
function onPictureClick(e: MouseEvent, { player, ui }: Shared): void {
  if (ui.menu.peek()) {
    ui.menu.value = false
    return
  }
  const touch = e instanceof PointerEvent && e.pointerType !== 'mouse'
  if (touch) {
    if (ui.awake.peek()) ui.doze()
    else ui.wake()
    return
  }
  player.togglePlay()
}
