import { signal, type Signal } from '@preact/signals'
import type { EventView, ProbeView, ResendBody } from '../../http/control/types.ts'
import { change } from './api.ts'
import { texts } from './language.ts'
import { notice, pinned, refresh, setAddress, state } from './store.ts'

export type Dialog = 'trigger' | 'resend' | 'faults' | 'target' | 'help'

export const dialog: Signal<Dialog | undefined> = signal(undefined)

/** The last answer of the target to a probe. */
export const probed: Signal<ProbeView | undefined> = signal(undefined)

/** Carries out an action; its error becomes the notice. Returns whether it was carried out. */
async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  // At the beginning: what another action reports in the meantime stays.
  notice.value = undefined
  try {
    await action()
    return true
  } catch (error) {
    notice.value = { text: error instanceof Error ? error.message : String(error), isError: true }
    return false
  } finally {
    refresh()
  }
}

/** Opens an event that this page has made, also if the list did not follow new ones. */
function show(id: string): void {
  pinned.value = undefined
  setAddress({ open: id })
}

export function trigger(body: {
  readonly type: string
  readonly object?: object
}): Promise<boolean> {
  return attempt(async () => {
    const { id } = await change<EventView>('POST', 'trigger', body)
    show(id)
  })
}

export function resend(id: string, body: ResendBody = {}): Promise<boolean> {
  return attempt(async () => {
    const event = await change<EventView>('POST', `events/${id}/resend`, body)
    show(event.id)
  })
}

export function advance(by: { readonly ms: number } | { readonly to: string }): Promise<boolean> {
  return attempt(() => change('POST', 'clock/advance', by))
}

export function nextDelivery(): Promise<boolean> {
  return attempt(() => change('POST', 'clock/next', { kind: 'delivery' }))
}

export function setSpeed(speed: number): Promise<boolean> {
  return attempt(() => change('PUT', 'clock', { speed }))
}

export function reset(): Promise<boolean> {
  return attempt(() => change('POST', 'reset'))
}

export function moveEnvelope(id: string, status: string): Promise<boolean> {
  return attempt(() => change('POST', `envelopes/${id}/move`, { status }))
}

export function addFault(fault: { readonly kind: string }): Promise<boolean> {
  return attempt(() => change('POST', 'faults', fault))
}

export function removeFault(id: string): Promise<boolean> {
  return attempt(() => change('DELETE', `faults/${id}`))
}

export function setTarget(target: string | null): Promise<boolean> {
  return attempt(async () => {
    await change('PUT', 'target', { target })
    probed.value = undefined
  })
}

/** Asks the target for a sign of life. */
export async function probe(): Promise<void> {
  const asked = state.value?.target
  if (asked === null || asked === undefined) return
  const answer = await change<ProbeView>('POST', 'target/probe').catch(() => undefined)
  if (state.value?.target === asked) probed.value = answer
}

/** Browsers have a clipboard only for pages on localhost or with TLS; elsewhere the text is selected by hand. */
export async function copyText(text: string): Promise<void> {
  if (await attempt(() => navigator.clipboard.writeText(text))) {
    notice.value = { text: texts.value.copied, isError: false }
  }
}

/** Offers a text as a file. */
export function saveFile(name: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
