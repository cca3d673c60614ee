import { command, flagOf, type Argument, type Command, type Options } from '../command.ts'
import { WEBHOOK_TYPES } from '../changes.ts'
import { COMMANDS } from '../commands.ts'
import { GLOBAL_OPTIONS } from '../global-options.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Prints a script for a shell; it needs no sandbox, and starts no process when a word is completed. */
export const completion: Command = command({
  args: [{ name: '<shell>', choices: SHELLS }],
  async run({ output, texts }, _options, given = '') {
    const shell = SHELLS.find((each) => each === given) ?? 'bash'
    const words = await allWords()
    const script = shell === 'fish' ? fishScript(words) : bashScript(words, shell)
    output.result({ shell, script }, script)
    output.note(texts.install[shell])
  },
})

/** What was typed before → the words that can follow; `events ls --status` has the states. */
type Words = ReadonlyMap<string, readonly string[]>

async function allWords(): Promise<Words> {
  const words = new Map<string, readonly string[]>()
  words.set('', [...COMMANDS.keys(), ...addOptions(words, '', GLOBAL_OPTIONS)])
  for (const [name, load] of COMMANDS) {
    // oxlint-disable-next-line no-await-in-loop -- a few small files
    const found = await load()
    if (!('commands' in found)) {
      addCommand(words, name, found)
      continue
    }
    words.set(name, Object.keys(found.commands))
    for (const [part, inner] of Object.entries(found.commands)) {
      addCommand(words, `${name} ${part}`, inner)
    }
  }
  return words
}

function addCommand(words: Map<string, readonly string[]>, path: string, found: Command): void {
  const options = addOptions(words, path, found.options)
  words.set(path, [...found.args.flatMap(choicesOf), ...options])
}

function addOptions(
  words: Map<string, readonly string[]>,
  path: string,
  options: Options,
): string[] {
  for (const [name, { value, choices }] of Object.entries(options)) {
    if (value === undefined) continue
    words.set(`${path} ${flagOf(name)}`.trim(), choices ?? choicesOf({ name: value }))
  }
  return Object.keys(options).map(flagOf)
}

/** What a word is chosen from, as far as the command line knows it. */
function choicesOf({ name, choices }: Argument): readonly string[] {
  if (choices !== undefined) return choices
  if (/^[<[]type[>\]]$/.test(name)) return WEBHOOK_TYPES
  return name === '<id>' ? ['last'] : []
}

/** Bash, and zsh by its own `bashcompinit`. */
function bashScript(words: Words, shell: 'bash' | 'zsh'): string {
  const globals = words
    .get('')
    ?.filter((word) => word.startsWith('-'))
    .join(' ')
  const cases = [...words].map(([path, following]) => {
    const more = path === '' || /(?:^| )--\S+$/.test(path) ? '' : ` ${globals}`
    return `    '${path}') words='${following.join(' ')}${more}' ;;`
  })
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_hongbao_sandbox() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at word path='' words=''
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case "$word" in
      -*) ;;
      *) if _hongbao_sandbox_words "\${path:+$path }$word"; then path="\${path:+$path }$word"; fi ;;
    esac
  done
  case "$previous" in
    --*) if _hongbao_sandbox_words "\${path:+$path }$previous" || _hongbao_sandbox_words "$previous"; then
      COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi ;;
  esac
  _hongbao_sandbox_words "$path"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_hongbao_sandbox_words() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
complete -o default -F _hongbao_sandbox hongbao-sandbox`
}

function fishScript(words: Words): string {
  const lines = [...words].map(([path, following]) => {
    const [name = '', part = ''] = path.split(' ')
    const option = /(?:^| )--(\S+)$/.exec(path)?.[1]
    const seen = [name, part].filter((word) => word !== '' && !word.startsWith('-'))
    const condition = seen.length === 0 && option === undefined ? '__fish_use_subcommand' : ''
    const conditions = [condition, ...seen.map((word) => `__fish_seen_subcommand_from ${word}`)]
    const when = conditions.filter((each) => each !== '').join('; and ')
    const test = when === '' ? '' : ` -n '${when}'`
    if (option !== undefined) {
      const values = following.length === 0 ? '-r -F' : `-x -a '${following.join(' ')}'`
      return `complete -c hongbao-sandbox${test} -l ${option} ${values}`
    }
    const plain = following.filter((word) => !word.startsWith('-')).join(' ')
    const flags = following.filter((word) => word.startsWith('--'))
    // Options of all commands may stand anywhere.
    const anywhere = path === '' ? '' : test
    const switches = flags.map(
      (word) => `complete -c hongbao-sandbox${anywhere} -l ${word.slice(2)}`,
    )
    return [`complete -c hongbao-sandbox${test} -a '${plain}'`, ...switches].join('\n')
  })
  return ['complete -c hongbao-sandbox -f', ...lines].join('\n')
}
