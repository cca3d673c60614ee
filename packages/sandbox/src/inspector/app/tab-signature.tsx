import type { JSX } from 'preact'
import type { TabProps } from './attempt.ts'
import { texts } from './language.ts'
import { opensslCommands } from './openssl.ts'
import { ByFault, Code, CopyButton, Fact, Foreign } from './parts.tsx'
import { state } from './store.ts'

export function SignatureTab({ event }: TabProps): JSX.Element {
  const { signature: text, bar, bytes, tabs } = texts.value
  const { keyFingerprint = '', publicKey = '' } = state.value ?? {}
  const commands = opensslCommands(publicKey, event.signature, event.body)
  return (
    <>
      <dl>
        <Fact name={bar.key}>
          <code>{keyFingerprint}</code>
        </Fact>
        <Fact name={text.length}>{bytes(event.bytes)}</Fact>
        <Fact name="SHA-256">
          <code>{event.sha256}</code>
        </Fact>
        <Fact name={tabs.signature}>
          <code>{event.signature === '' ? '—' : event.signature}</code>
        </Fact>
      </dl>
      <h3>{text.attempts}</h3>
      <table>
        {event.attempts.map(({ n, sent: { verdict }, faults }) => (
          <tr>
            <th scope="row">{texts.value.event.attempt(n)}</th>
            <td class={verdict === 'valid' ? 'ok' : 'failed'}>
              {verdict === 'valid' ? '✓' : '✗'} {text[verdict]} <ByFault faults={faults} isNamed />
            </td>
          </tr>
        ))}
      </table>
      <h3>
        {text.snippet} <CopyButton text={commands} />
      </h3>
      <Code label={text.snippet}>
        <Foreign text={commands} />
      </Code>
    </>
  )
}
