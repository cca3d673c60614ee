import type { JSX } from 'preact'
import type { RequestDetail } from '../../http/control/types.ts'
import { dateTime } from './format.ts'
import { ToneIcon } from './icons.tsx'
import { texts } from './language.ts'
import { ByFault, Fact, Foreign, Headers, Link, StatusPill, TextBody } from './parts.tsx'
import { events } from './store.ts'
import { isRefused } from './threads.ts'

export function RequestPanel({ request }: { readonly request: RequestDetail }): JSX.Element {
  const { request: text, tabs, answer } = texts.value
  const { headers, body, response } = request
  return (
    <>
      <RequestHead request={request} />
      <Caused request={request} />
      <div class="columns">
        <section>
          <h3>{text.sent}</h3>
          {body.text !== '' && <TextBody text={body.text} />}
          <Headers headers={headers} />
        </section>
        <section>
          <h3>{tabs.answer}</h3>
          {response === null ? (
            <p class="hint">{answer.none}</p>
          ) : (
            <>
              <TextBody text={response.body.text} />
              <Headers headers={response.headers} />
            </>
          )}
        </section>
      </div>
    </>
  )
}

function RequestHead({ request }: { readonly request: RequestDetail }): JSX.Element {
  const { id, at, method, path, status, ms, signature, reason, faults } = request
  return (
    <>
      <h2 id="detail-title">
        <ToneIcon tone={isRefused(request) ? 'failed' : 'ok'} />
        {method} <Foreign text={path} /> <span class="muted status">{status}</span>
      </h2>
      <p class="about">
        <code>{id}</code>
        <time>{dateTime(at)}</time>
        <span>{`${ms} ${texts.value.units[3]}`}</span>
        <span class={signature === 'invalid' ? 'warn' : ''}>
          {texts.value.requestSignature[signature]}
        </span>
        <ByFault faults={faults} isNamed />
      </p>
      {reason !== null && (
        <p class="verdict failed">
          <Foreign text={reason} />
        </p>
      )}
    </>
  )
}

/** The envelope changes and events of a request. */
function Caused({ request }: { readonly request: RequestDetail }): JSX.Element {
  return (
    <dl>
      <Fact name={texts.value.request.caused}>
        {request.changes.map(({ orderNo, status }) => (
          <>
            <Foreign text={orderNo} /> → <StatusPill status={status} />{' '}
          </>
        ))}
        {request.events.map((id) => (
          <Link to={id}>{events.value.find((event) => event.id === id)?.type ?? id}</Link>
        ))}
        {request.changes.length + request.events.length === 0 && '—'}
      </Fact>
    </dl>
  )
}
