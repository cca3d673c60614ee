import { dialog, nextDelivery, resend } from './actions.ts'
import { copyCurl } from './event-detail.tsx'
import { address, detail, isEventDetail, rowIds, setAddress } from './store.ts'
import { showNewest } from './thread-list.tsx'

/** Key → what it does. */
const KEYS: Readonly<Record<string, () => void>> = {
  j: () => moveBy(1),
  k: () => moveBy(-1),
  Enter: openSelected,
  '/': () => focusOn('#filter'),
  '?': () => (dialog.value = 'help'),
  r: () => withEvent((id) => void resend(id)),
  e: () => withEvent(() => (dialog.value = 'resend')),
  c: copyCurl,
  f: () => (dialog.value = 'faults'),
  n: () => void nextDelivery(),
  t: () => (dialog.value = 'trigger'),
  g: goToNewest,
  Escape: escape,
}

/** Where keys are text, or belong to a dialog. */
const CONTROLS = 'input, textarea, select, dialog, [contenteditable]'

/** Keys of a list (ARIA practices, listbox) → as the page's own. */
const IN_LIST: Readonly<Record<string, () => void>> = {
  ArrowDown: () => moveBy(1),
  ArrowUp: () => moveBy(-1),
  Home: goToNewest,
  End: () => moveBy(Infinity),
  ' ': openSelected,
}

export function listenToKeys(): void {
  addEventListener('keydown', handleKey)
}

function handleKey(event: KeyboardEvent): void {
  // While an input method composes, keys belong to it; so do those of the browser's own shortcuts.
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
  const action = actionOf(event.key, event.target)
  if (action === undefined) return
  event.preventDefault()
  action()
}

function actionOf(key: string, target: EventTarget | null): (() => void) | undefined {
  if (!(target instanceof Element)) return undefined
  if (target.id === 'filter' && key === 'Escape') return escape
  if (target.closest(CONTROLS) !== null) return undefined
  if (key === 'Enter' && target.closest('button, summary') !== null) return undefined
  return KEYS[key] ?? (target.closest('[role=listbox]') === null ? undefined : IN_LIST[key])
}

function withEvent(action: (id: string) => void): void {
  const event = detail.value
  if (isEventDetail(event)) action(event.id)
}

/** Without a selection, to the first row. */
function moveBy(step: number): void {
  const index = rowIds.value.indexOf(address.value.open)
  const last = rowIds.value.length - 1
  select(index === -1 ? 0 : Math.min(last, Math.max(0, index + step)))
}

function select(index: number): void {
  const id = rowIds.value[index]
  if (id === undefined) return
  setAddress({ open: id })
  // The focus is the cursor of the list.
  requestAnimationFrame(() => document.getElementById(`row-${id}`)?.focus())
}

/** Goes on to the detail: a screen reader reads it from there. */
function openSelected(): void {
  if (address.value.open === '') select(0)
  focusOn('#detail')
}

function goToNewest(): void {
  showNewest()
  select(0)
}

function escape(): void {
  if (address.value.q !== '') setAddress({ q: '' })
  else setAddress({ open: '' })
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}

function focusOn(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.focus()
}
