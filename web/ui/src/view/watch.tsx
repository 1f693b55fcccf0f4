// The watch page: the player, and beneath it what the stream is and how to share it.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Phase } from '../core/machine'
import type { Status } from '../core/status'
import { embedSnippet, type StreamURLs } from '../core/urls'
import { Mark } from './icons'
import { EngineChoice } from './menu'
import { Screen, type Shared } from './screen'
import { CopyField } from './share'

export function Watch({ player, ui, title }: Shared & { title: string }) {
  return (
    <>
      <header class="top">
        <span class="brand">
          <Mark />
          Sluice
        </span>
      </header>
      <main class="page">
        <Screen player={player} ui={ui} title={title} />
        <div class="about">
          <div class="about-words">
            <h1>{title}</h1>
            <StateLine player={player} ui={ui} />
          </div>
          {player.phase.value !== 'missing' && <EngineChoice player={player} />}
        </div>
        {player.phase.value !== 'missing' && <Share urls={player.urls} title={title} />}
      </main>
      <footer class="bottom">
        <span>
          <kbd>?</kbd> shows the keyboard shortcuts
        </span>
      </footer>
    </>
  )
}

function Share({ urls, title }: { urls: StreamURLs; title: string }) {
  return (
    <section class="share" aria-labelledby="share">
      <h2 id="share">Share</h2>
      <div class="share-fields">
        <CopyField label="This page" value={urls.page} />
        <CopyField label="Embed" value={embedSnippet(urls.embed, title)} />
        <CopyField label="HLS" value={urls.hls} />
        <CopyField label="DASH" value={urls.dash} />
      </div>
    </section>
  )
}

function StateLine({ player }: Shared) {
  const { word, tone } = stateWords(player.phase.value, player.note.value, player.status.value)
  return (
    <p class="state" data-tone={tone}>
      <span class="state-dot" />
      <span>{word}</span>
      {tone === 'live' && <Since status={player.status.value} />}
    </p>
  )
}

type Tone = 'live' | 'waiting' | 'off'

/** The broadcast's state, which is not always the player's. */
function stateWords(phase: Phase, note: string | null, status: Status | null): { word: string; tone: Tone } {
  if (phase === 'missing') return { word: 'No such stream', tone: 'off' }
  if (phase === 'unreachable' || note === 'unreachable') return { word: 'Server doesn’t answer', tone: 'waiting' }
  switch (status?.state) {
    case 'live':
      return { word: 'Live', tone: 'live' }
    case 'starting':
      return { word: 'Starting', tone: 'waiting' }
    case 'away':
      return { word: 'Broadcaster reconnecting', tone: 'waiting' }
    case 'ended':
      return { word: 'Ended', tone: 'off' }
    case 'offline':
      return { word: 'Offline', tone: 'off' }
    default:
      return { word: 'Connecting', tone: 'waiting' }
  }
}

/** "for 12 min", kept right. */
function Since({ status }: { status: Status | null }) {
  const now = useSignal(Date.now())
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 15_000)
    return () => clearInterval(timer)
  }, [now])
  if (!status?.since) return null
  const minutes = Math.floor((now.value - status.since.getTime()) / 60_000)
  if (minutes < 1) return null
  const words = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return <span class="since">for {words}</span>
}
