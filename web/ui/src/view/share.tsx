import { useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { CopyIcon, DoneIcon } from './icons'

/** How long "Copied" stays (ms). */
const COPIED = 1800

/** A text to copy, with a button that does it. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const copied = useSignal(false)

  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(value)
    } catch {
      // Plain HTTP has no clipboard of that kind; the selected text may be copied the old way.
      if (!document.execCommand('copy')) return
    }
    copied.value = true
    setTimeout(() => (copied.value = false), COPIED)
  }
  return (
    <div class="copy-field">
      <label for={id}>{label}</label>
      <input id={id} ref={field} readOnly spellcheck={false} value={value} onFocus={(e) => e.currentTarget.select()} />
      <button type="button" aria-label={`Copy: ${label}`} onClick={() => void copy()}>
        {copied.value ? <DoneIcon /> : <CopyIcon />}
        <span aria-live="polite">{copied.value ? 'Copied' : 'Copy'}</span>
      </button>
    </div>
  )
}
