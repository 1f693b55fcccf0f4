import { useEffect, useRef } from 'preact/hooks'
import { CloseIcon } from './icons'
import { shortcuts } from './keys'
import type { Ui } from './ui'

export function Help({ ui }: { ui: Ui }) {
  return ui.help.value ? <HelpCard ui={ui} /> : null
}

function HelpCard({ ui }: { ui: Ui }) {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const before = document.activeElement
    button.current?.focus({ preventScroll: true })
    return () => before instanceof HTMLElement && before.focus({ preventScroll: true })
  }, [])
  return (
    <div class="help" role="dialog" aria-label="Keyboard shortcuts" onClick={() => (ui.help.value = false)}>
      <div class="help-card" onClick={(e) => e.stopPropagation()}>
        <h2>Keyboard</h2>
        <button type="button" class="control" ref={button} aria-label="Close" onClick={() => (ui.help.value = false)}>
          <CloseIcon />
        </button>
        <dl>
          {shortcuts.map(([keys, meaning]) => (
            <div key={meaning}>
              <dt>
                {keys.map((k) => (
                  <kbd key={k}>{k}</kbd>
                ))}
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  )
}
