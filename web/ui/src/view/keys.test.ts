import { describe, expect, it } from 'vitest'
import { type Action, actionFor, type Focus } from './keys'

const press = (key: string, focus: Focus = 'page', modifier: object = {}) =>
  actionFor({ key, ctrlKey: false, metaKey: false, altKey: false, ...modifier }, focus)

describe('keys', () => {
  it.each<[string, Action]>([
    [' ', 'toggle-play'],
    ['k', 'toggle-play'],
    ['K', 'toggle-play'],
    ['m', 'toggle-mute'],
    ['f', 'fullscreen'],
    ['ArrowUp', 'volume-up'],
    ['ArrowDown', 'volume-down'],
    ['l', 'go-live'],
    ['s', 'stats'],
    ['?', 'help'],
    ['Escape', 'close'],
  ])('%j means %s', (key, action) => {
    expect(press(key)).toBe(action)
  })

  it('leaves the browser’s own keys alone', () => {
    for (const modifier of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
      expect(press('f', 'page', modifier)).toBeNull()
    }
    expect(press('Tab')).toBeNull()
    expect(press('constructor')).toBeNull()
  })

  it('leaves keys to the control that has the focus', () => {
    expect(press('k', 'text')).toBeNull()
    expect(press(' ', 'button')).toBeNull()
    expect(press('k', 'button')).toBe('toggle-play')
    expect(press('ArrowUp', 'choice')).toBeNull()
    expect(press('ArrowUp', 'button')).toBe('volume-up')
  })
})
