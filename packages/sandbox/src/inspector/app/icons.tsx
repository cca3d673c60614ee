import type { JSX } from 'preact'

/** State of a row or an attempt, shown by shape and colour, and by a text beside it. */
export type Tone = 'ok' | 'failed' | 'failing' | 'waiting' | 'off'

/** Name → drawing in a square of 16. */
const SHAPES = {
  ok: 'M3.5 8.5l3 3 6-7',
  failed: 'M4 4l8 8M12 4l-8 8',
  // It will be sent again.
  failing: 'M13 8a5 5 0 1 1-1.5-3.5L13 6M13 2.5V6H9.5',
  waiting: 'M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0',
  off: 'M4 8h8',
  bolt: 'M9 1 3.5 9H7l-1 6 6.5-8.5H8.5z',
} as const

function Icon(props: { readonly shape: keyof typeof SHAPES; readonly class: string }): JSX.Element {
  return (
    <svg class={`icon ${props.class}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[props.shape]} />
    </svg>
  )
}

export function ToneIcon({ tone }: { readonly tone: Tone }): JSX.Element {
  return <Icon shape={tone} class={`tone-${tone}`} />
}

/** A fault acted. */
export function Bolt(): JSX.Element {
  return <Icon shape="bolt" class="bolt" />
}

/** The page's own icon: a red envelope with its seal. */
export function Mark(): JSX.Element {
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  return <img alt="" width="18" height="20" src={icon?.href} />
}
