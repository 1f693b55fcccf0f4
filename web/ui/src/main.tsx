// The start of both pages. The server says which one, and of which stream, in the
// root element's data attributes (page.html).

import { effect } from '@preact/signals'
import { render } from 'preact'
import mark from './brand/mark.svg'
import { diagnostics } from './diagnostics'
import { Player } from './player'
import './style/base.css'
import './style/player.css'
import './style/panels.css'
import './style/watch.css'
import { Screen } from './view/screen'
import { Ui } from './view/ui'
import { Watch } from './view/watch'

const root = document.getElementById('sluice')
if (!root) throw new Error('the page has no #sluice element')

const { kind, stream = '', title = stream, token = '' } = root.dataset
const video = document.createElement('video')
video.playsInline = true
video.preload = 'auto'
video.setAttribute('aria-label', title)

const player = new Player(video, location.origin, stream, token)
const ui = new Ui(player)
Object.defineProperty(window, 'sluice', { value: diagnostics(player), enumerable: true })

render(
  kind === 'embed' ? (
    <Screen player={player} ui={ui} title={title} />
  ) : (
    <Watch player={player} ui={ui} title={title} />
  ),
  root,
)
player.start()

// What the system's own media controls show.
if ('mediaSession' in navigator) {
  navigator.mediaSession.metadata = new MediaMetadata({ title, artwork: [{ src: mark, type: 'image/svg+xml' }] })
}

// A tab among many says by its name when the broadcast is on.
const name = document.title
effect(() => {
  document.title = player.status.value?.state === 'live' ? `● ${name}` : name
})
