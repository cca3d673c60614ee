import { readFile } from 'node:fs/promises'
import { KEY_NAMES, rotateKeys, type KeyName, type KeyPair, type Keys } from '../../keys/keys.ts'
import { alignColumns } from '../columns.ts'
import { command, flag, type Group } from '../command.ts'
import { usageError } from '../exit.ts'
import { openFolder } from '../inputs.ts'
import type { Session } from '../session.ts'

export const keys: Group = {
  commands: {
    show: command({
      async run(session) {
        show(session, await openFolder(session))
      },
    }),
    print: command({
      options: {
        public: flag,
        merchantPublic: flag,
        merchantPrivate: flag,
        apiKey: flag,
        path: flag,
      },
      async run(session, { path: isPath, ...which }) {
        const path = chooseFile(await openFolder(session), which)
        const text = isPath ? path : (await readFile(path, 'utf8')).trim()
        session.output.result({ [isPath ? 'path' : 'key']: text }, text)
      },
    }),
    rotate: command({
      args: [{ name: '[keys...]', choices: KEY_NAMES }],
      async run(session, _options, ...given) {
        const names = KEY_NAMES.filter((name) => given.includes(name))
        const chosen: readonly KeyName[] = names.length === 0 ? ['webhook'] : names
        await rotateKeys(session.directory, chosen)
        show(session, await openFolder(session))
        session.output.note(session.texts('rotated'))
      },
    }),
  },
}

function show({ output, texts }: Session, { directory, apiKey, webhook, merchant }: Keys): void {
  const pairs = Object.entries({ webhook: summarize(webhook), merchant: summarize(merchant) })
  const rows = pairs.flatMap(([name, { publicPath, privatePath, fingerprint }]) => [
    [`${name} public`, publicPath],
    [`${name} private`, privatePath],
    [`${name} ${texts('heading.fingerprint')}`, fingerprint],
  ])
  output.result(
    { directory, apiKey, ...Object.fromEntries(pairs) },
    alignColumns([['api key', apiKey], ...rows], output.columns).join('\n'),
  )
}

function summarize({ fingerprint, publicPath, privatePath }: KeyPair) {
  return { fingerprint, publicPath, privatePath }
}

type Which = Readonly<
  Record<'public' | 'merchantPublic' | 'merchantPrivate' | 'apiKey', true | undefined>
>

function chooseFile({ webhook, merchant, apiKeyPath }: Keys, which: Which): string {
  const files = [
    which.public && webhook.publicPath,
    which.merchantPublic && merchant.publicPath,
    which.merchantPrivate && merchant.privatePath,
    which.apiKey && apiKeyPath,
  ].filter((path) => path !== undefined)
  const [path] = files
  if (path !== undefined && files.length === 1) return path
  throw usageError('oneKey')
}
