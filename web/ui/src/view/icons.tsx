// Drawn for this page: 24 by 24, one stroke width, in the text's colour.

import type { ComponentChildren } from 'preact'

function icon(drawing: ComponentChildren) {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {drawing}
    </svg>
  )
}

export const PlayIcon = icon(<path class="fill" d="M8 5.6v12.8c0 .8.9 1.3 1.6.8l9.6-6.4c.6-.4.6-1.2 0-1.6L9.6 4.8C8.9 4.3 8 4.8 8 5.6z" />)
export const PauseIcon = icon(
  <>
    <rect class="fill" x="6.5" y="5" width="4" height="14" rx="1.2" />
    <rect class="fill" x="13.5" y="5" width="4" height="14" rx="1.2" />
  </>,
)
export const ReplayIcon = icon(
  <>
    <path d="M5 12a7 7 0 1 0 2.3-5.2" />
    <path d="M7.5 3v4h4" />
  </>,
)
const speaker = <path class="fill" d="M4 9.8v4.4c0 .4.3.7.7.7h2.8l4 3.5c.5.4 1.2.1 1.2-.5V6.1c0-.6-.7-.9-1.2-.5l-4 3.5H4.7c-.4 0-.7.3-.7.7z" />
export const VolumeIcon = icon(
  <>
    {speaker}
    <path d="M15.8 9a4.2 4.2 0 0 1 0 6" />
    <path d="M18.2 6.6a7.6 7.6 0 0 1 0 10.8" />
  </>,
)
export const VolumeLowIcon = icon(
  <>
    {speaker}
    <path d="M15.8 9a4.2 4.2 0 0 1 0 6" />
  </>,
)
export const MutedIcon = icon(
  <>
    {speaker}
    <path d="M16 9.5l5 5M21 9.5l-5 5" />
  </>,
)
export const SettingsIcon = icon(
  <>
    <path d="M4 7.5h7.5M16.5 7.5H20M4 16.5h3.5M12.5 16.5H20" />
    <circle cx="14" cy="7.5" r="2.4" />
    <circle cx="10" cy="16.5" r="2.4" />
  </>,
)
export const PictureInPictureIcon = icon(
  <>
    <path d="M20.5 10V6.5A1.5 1.5 0 0 0 19 5H5a1.5 1.5 0 0 0-1.5 1.5v10A1.5 1.5 0 0 0 5 18h4.5" />
    <rect class="fill" x="12" y="12.5" width="9" height="6.5" rx="1.2" />
  </>,
)
export const FullscreenIcon = icon(<path d="M4.5 9V6A1.5 1.5 0 0 1 6 4.5h3M15 4.5h3A1.5 1.5 0 0 1 19.5 6v3M19.5 15v3a1.5 1.5 0 0 1-1.5 1.5h-3M9 19.5H6A1.5 1.5 0 0 1 4.5 18v-3" />)
export const LeaveFullscreenIcon = icon(<path d="M9 4.5v3A1.5 1.5 0 0 1 7.5 9h-3M19.5 9h-3A1.5 1.5 0 0 1 15 7.5v-3M15 19.5v-3a1.5 1.5 0 0 1 1.5-1.5h3M4.5 15h3A1.5 1.5 0 0 1 9 16.5v3" />)
export const CopyIcon = icon(
  <>
    <rect x="8.5" y="8.5" width="11" height="11" rx="2" />
    <path d="M15.5 5.5A1.5 1.5 0 0 0 14 4.5H6A1.5 1.5 0 0 0 4.5 6v8a1.5 1.5 0 0 0 1 1.4" />
  </>,
)
export const DoneIcon = icon(<path d="M5 12.5l4.5 4.5L19 7.5" />)
export const CloseIcon = icon(<path d="M6.5 6.5l11 11M17.5 6.5l-11 11" />)

/** The product's mark: a gate, and what flows through it makes the picture play. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="mark-gate" d="M6.5 5v22" />
      <path class="mark-flow" d="M12.5 7.3v3.7h5.8z" />
      <path class="mark-flow" d="M12.5 14.2h11l2.7 1.8-2.7 1.8h-11z" />
      <path class="mark-flow" d="M12.5 24.7V21h5.8z" />
    </svg>
  )
}
