import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { TabProps } from './attempt.ts'
import { texts } from './language.ts'
import { ByFault, Code, CopyButton, Fact, Foreign } from './parts.tsx'
import { state } from './store.ts'
import { judgeSignature, opensslCommands, type SignatureVerdict } from './verify.ts'

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
        {event.attempts.map((attempt) => (
          <AttemptVerdict key={attempt.started} event={event} attempt={attempt} />
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

function AttemptVerdict({ event, attempt }: Omit<TabProps, 'previous'>): JSX.Element {
  const { publicKey = '' } = state.value ?? {}
  const [verdict, setVerdict] = useState<SignatureVerdict>('unknown')
  useEffect(() => {
    void judgeSignature(event, attempt, publicKey).then(setVerdict)
  }, [event, attempt, publicKey])
  const isValid = verdict === 'valid'
  return (
    <tr>
      <th scope="row">{texts.value.event.attempt(attempt.n)}</th>
      <td class={isValid ? 'ok' : 'failed'}>
        {isValid ? '✓' : '✗'} {texts.value.signature[verdict]}{' '}
        <ByFault faults={attempt.faults} isNamed />
      </td>
    </tr>
  )
}
