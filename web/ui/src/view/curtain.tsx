// What is said in the middle of the picture when there is none, or not yet.

import type { ComponentChildren } from 'preact'
import type { Phase } from '../core/machine'
import { Mark, MutedIcon, PlayIcon, ReplayIcon } from './icons'
import type { Shared } from './screen'

export function Curtain({ player, ui }: Shared) {
  const phase = player.phase.value
  const attached = player.source.value !== 'none'
  return (
    <>
      {player.pictureless.value && attached && <SoundCard waiting={phase !== 'playing' && phase !== 'replay'} />}
      <Message player={player} ui={ui} />
      <NoteLine player={player} ui={ui} />
      {player.sound.need.value === 'tap-for-sound' && attached && (
        <button type="button" class="tap-for-sound" onClick={() => player.sound.setMuted(false)}>
          <MutedIcon />
          Tap for sound
        </button>
      )}
    </>
  )
}

function Message({ player }: Shared) {
  const phase = player.phase.value
  if (!player.engineName.value) {
    return (
      <Plate words="This browser can’t play live video.">
        <a href={player.urls.hls}>Open the stream’s HLS address</a> in another player.
      </Plate>
    )
  }
  if (player.sound.need.value === 'tap-to-play' || phase === 'paused') {
    return (
      <button type="button" class="big-play" aria-label="Play" onClick={() => player.play()}>
        <PlayIcon />
      </button>
    )
  }
  return <PhaseMessage phase={phase} player={player} />
}

function PhaseMessage({ phase, player }: { phase: Phase; player: Shared['player'] }) {
  // A picture that stands still stays in sight.
  const over = player.source.value === 'none' ? 'opaque' : 'veiled'
  switch (phase) {
    case 'connecting':
      return <Spinner over="opaque" />
    case 'buffering':
      return <Spinner over="" />
    case 'recovering':
      return <Spinner over={over} words="Reconnecting…" />
    case 'starting':
      return <Spinner over={over} words="The broadcast is starting…" />
    case 'away':
      return <Spinner over={over} words="Waiting for the broadcaster to return…" />
    case 'offline':
      return <Plate words="The stream is offline.">It starts here by itself.</Plate>
    case 'unreachable':
      return <Plate words="The server doesn’t answer.">This page keeps trying.</Plate>
    case 'missing':
      return <Plate words={`There is no stream called “${player.stream}”.`}>Check the address for a slip.</Plate>
    case 'ended':
      return (
        <Plate words="The broadcast has ended." action={<ReplayButton player={player} />}>
          The next one starts here by itself.
        </Plate>
      )
    default:
      return null
  }
}

interface PlateProps {
  words: string
  children?: ComponentChildren
  action?: ComponentChildren
}

function Plate({ words, children, action }: PlateProps) {
  return (
    <div class="curtain opaque" role="status">
      <Mark />
      <p class="curtain-words">{words}</p>
      <p class="curtain-more">{children}</p>
      {action}
    </div>
  )
}

function Spinner({ over, words = '' }: { over: '' | 'veiled' | 'opaque'; words?: string }) {
  return (
    <div class={`curtain ${over}`} role="status">
      <span class="spinner" />
      {words ? <p class="curtain-words">{words}</p> : <span class="unseen">Loading</span>}
    </div>
  )
}

function ReplayButton({ player }: { player: Shared['player'] }) {
  return (
    <button type="button" class="button" onClick={() => player.replay()}>
      <ReplayIcon />
      Watch the end again
    </button>
  )
}

const noteWords = {
  reconnecting: 'The broadcaster is reconnecting…',
  unreachable: 'No answer from the server',
  ending: 'The broadcast has ended; playing the rest',
}

/** A word beside a picture that still moves. */
function NoteLine({ player }: Shared) {
  const note = player.note.value
  if (!note || player.phase.value !== 'playing') return null
  return (
    <p class="note" role="status">
      {noteWords[note]}
    </p>
  )
}

function SoundCard({ waiting }: { waiting: boolean }) {
  return (
    <div class={`sound-card${waiting ? ' still' : ''}`} aria-hidden="true">
      <div class="bars">
        {Array.from({ length: 9 }, (_, n) => (
          <span key={n} class="bar" />
        ))}
      </div>
      <p>Audio only</p>
    </div>
  )
}
