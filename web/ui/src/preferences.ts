// What this browser remembers between visits. A frame without storage (sandboxed,
// or with third-party storage blocked) remembers nothing, and works.

const PREFIX = 'sluice.'

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key)
  } catch {
    return null
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value)
  } catch {
    // Nothing to be done, and nothing lost but a preference.
  }
}
