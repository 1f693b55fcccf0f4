import { useRef } from 'preact/hooks'
import { pictureSize, seconds } from '../core/format'
import {
  FullscreenIcon,
  LeaveFullscreenIcon,
  MutedIcon,
  PauseIcon,
  PictureInPictureIcon,
  PlayIcon,
  SettingsIcon,
  VolumeIcon,
  VolumeLowIcon,
} from './icons'
import { Menu } from './menu'
import type { Shared } from './screen'
import { Scrubber } from './scrubber'

export function Controls({ player, ui }: Shared) {
  const settings = useRef<HTMLButtonElement>(null)
  const attached = player.source.value !== 'none'
  const close = () => {
    ui.menu.value = false
    settings.current?.focus()
  }
  return (
    <>
      <div class="controls" onFocusIn={() => ui.wake()} onPointerDown={() => ui.wake()}>
        <div class="control-rows">
          {attached && <Scrubber player={player} />}
          <div class="bar-row">
            {attached && <PlayButton player={player} ui={ui} />}
            {attached && <VolumeControl player={player} ui={ui} />}
            {attached && <LiveButton player={player} ui={ui} />}
            <span class="space" />
            <button
              type="button"
              class="control with-words"
              ref={settings}
              aria-label="Settings"
              title="Settings"
              aria-haspopup="dialog"
              aria-expanded={ui.menu.value}
              onClick={() => (ui.menu.value = !ui.menu.value)}
            >
              <span class="control-words">{attached ? qualityWords(player) : ''}</span>
              <SettingsIcon />
            </button>
            {attached && <PictureInPictureButton player={player} ui={ui} />}
            <FullscreenButton ui={ui} />
          </div>
        </div>
      </div>
      {ui.menu.value && <Menu player={player} ui={ui} close={close} opener={settings.current} />}
    </>
  )
}

function PictureInPictureButton({ player, ui }: Shared) {
  if (!ui.canPictureInPicture || player.pictureless.value) return null
  return (
    <button
      type="button"
      class="control spare"
      aria-label="Picture in picture"
      aria-pressed={ui.pictureInPicture.value}
      aria-keyshortcuts="p"
      title="Picture in picture (P)"
      onClick={() => void ui.togglePictureInPicture()}
    >
      <PictureInPictureIcon />
    </button>
  )
}

function FullscreenButton({ ui }: Pick<Shared, 'ui'>) {
  if (!ui.canFullscreen) return null
  const label = ui.fullscreen.value ? 'Leave full screen' : 'Full screen'
  return (
    <button
      type="button"
      class="control"
      aria-label={label}
      aria-keyshortcuts="f"
      title={`${label} (F)`}
      onClick={() => void ui.toggleFullscreen()}
    >
      {ui.fullscreen.value ? <LeaveFullscreenIcon /> : <FullscreenIcon />}
    </button>
  )
}

/** The size that plays, so that the button says what it is about. */
function qualityWords(player: Shared['player']): string {
  if (player.audioOnly.value) return 'Audio'
  const level = player.levels.value.find((l) => l.id === player.level.value)
  return level && level.height > 0 ? pictureSize(level) : ''
}

function PlayButton({ player }: Shared) {
  const plays = player.wanted.value && player.sound.need.value !== 'tap-to-play'
  const label = plays ? 'Pause' : 'Play'
  return (
    <button
      type="button"
      class="control"
      aria-label={label}
      aria-keyshortcuts="k"
      title={`${label} (K)`}
      onClick={() => player.togglePlay()}
    >
      {plays ? <PauseIcon /> : <PlayIcon />}
    </button>
  )
}

function VolumeControl({ player, ui }: Shared) {
  const { sound } = player
  const level = sound.muted.value ? 0 : sound.volume.value
  const label = sound.muted.value ? 'Turn sound on' : 'Mute'
  return (
    <div class="volume">
      <button
        type="button"
        class="control"
        aria-label={label}
        aria-keyshortcuts="m"
        title={`${label} (M)`}
        onClick={() => ui.toggleMute()}
      >
        {level === 0 ? <MutedIcon /> : level < 0.5 ? <VolumeLowIcon /> : <VolumeIcon />}
      </button>
      <input
        class="slider"
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label="Volume"
        aria-valuetext={`${Math.round(level * 100)}%`}
        value={level}
        style={{ '--filled': `${level * 100}%` }}
        onInput={(e) => sound.setVolume(Number(e.currentTarget.value))}
      />
    </div>
  )
}

/** At the live edge a badge; behind it the way back. */
function LiveButton({ player }: Shared) {
  if (player.source.value !== 'live') return null
  const phase = player.phase.value
  // Without a picture there is nothing to be late.
  const waits = phase === 'away' || phase === 'recovering'
  const latency = waits ? null : player.latency.value
  const behind = !waits && (player.behind.value || phase === 'paused')
  const spoken = latency === null ? '' : `, ${latency.toFixed(1)} seconds behind the broadcast`
  return (
    <button
      type="button"
      class={`live${behind ? ' behind' : ''}${waits ? ' waits' : ''}`}
      disabled={!behind}
      aria-label={(behind ? 'Go live' : 'Live') + spoken}
      aria-keyshortcuts="l"
      title={behind ? 'Go live (L)' : ''}
      onClick={() => player.goLive()}
    >
      <span class="live-dot" />
      <span class="live-word">{behind ? 'Go live' : 'Live'}</span>
      {latency !== null && <span class="live-latency">{(behind ? '−' : '') + seconds(latency)}</span>}
    </button>
  )
}
