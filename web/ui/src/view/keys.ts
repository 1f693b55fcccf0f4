// The keyboard. Pure: an event's facts in, an action out.

export type Action =
  | 'toggle-play'
  | 'toggle-mute'
  | 'volume-up'
  | 'volume-down'
  | 'fullscreen'
  | 'picture-in-picture'
  | 'go-live'
  | 'stats'
  | 'help'
  | 'close'

export interface KeyFacts {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
}

const actions: Record<string, Action> = {
  ' ': 'toggle-play',
  k: 'toggle-play',
  m: 'toggle-mute',
  ArrowUp: 'volume-up',
  ArrowDown: 'volume-down',
  f: 'fullscreen',
  p: 'picture-in-picture',
  l: 'go-live',
  s: 'stats',
  '?': 'help',
  Escape: 'close',
}

/** What the help says, in its order. */
export const shortcuts: [keys: string[], meaning: string][] = [
  [['Space', 'K'], 'Play or pause'],
  [['L'], 'Go live'],
  [['M'], 'Sound on or off'],
  [['↑', '↓'], 'Volume'],
  [['F'], 'Full screen'],
  [['P'], 'Picture in picture'],
  [['S'], 'Statistics'],
  [['?'], 'This help'],
]

/** Controls that use some keys themselves. */
export type Focus = 'page' | 'button' | 'choice' | 'text'

/**
 * @param focus what has the keyboard's focus
 * @returns null when the key is not the player's
 */
export function actionFor(e: KeyFacts, focus: Focus): Action | null {
  if (e.ctrlKey || e.metaKey || e.altKey || focus === 'text') return null
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key
  // Space presses the focused button; arrows move a slider, or along a list.
  if (key === ' ' && focus !== 'page') return null
  if (key.startsWith('Arrow') && focus === 'choice') return null
  return Object.hasOwn(actions, key) ? (actions[key] ?? null) : null
}

export function focusOf(element: Element | null): Focus {
  if (element instanceof HTMLInputElement) {
    return element.type === 'range' || element.type === 'radio' ? 'choice' : 'text'
  }
  if (element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement) return 'text'
  return element?.closest('button, a, summary') ? 'button' : 'page'
}
