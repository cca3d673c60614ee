import type { JSX } from 'preact'
import { Dialogs } from './dialogs.tsx'
import { EventPanel } from './event-detail.tsx'
import { FirstSteps } from './first-steps.tsx'
import { texts } from './language.ts'
import { Foreign } from './parts.tsx'
import { RequestPanel } from './request-detail.tsx'
import { address, detail, isEventDetail, notice, state } from './store.ts'
import { ThreadList } from './thread-list.tsx'
import { Notes, TopBar } from './top-bar.tsx'

export function App(): JSX.Element {
  return (
    <>
      <header>
        <TopBar />
        <Notes />
      </header>
      <main class={address.value.open === '' ? '' : 'has-open'}>
        <ThreadList />
        <section class="detail" id="detail" tabIndex={-1} aria-labelledby="detail-title">
          {state.value !== undefined && <Detail />}
        </section>
      </main>
      <Notice />
      <Dialogs />
    </>
  )
}

function Detail(): JSX.Element | null {
  const value = detail.value
  if (address.value.open === '') return <FirstSteps />
  if (value === undefined) return null
  if (value === null) return <h2 id="detail-title">{texts.value.event.gone}</h2>
  return isEventDetail(value) ? <EventPanel event={value} /> : <RequestPanel request={value} />
}

/** The last message; it stays until the next one, or until it is closed. */
function Notice(): JSX.Element {
  const message = notice.value
  return (
    <div class="notice" role={message?.isError === true ? 'alert' : 'status'}>
      {message !== undefined && (
        <p class={message.isError ? 'failed' : undefined}>
          <Foreign text={message.text} />
          <button type="button" class="quiet" onClick={() => (notice.value = undefined)}>
            {texts.value.close}
          </button>
        </p>
      )}
    </div>
  )
}
