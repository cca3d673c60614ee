import { command, flagOf, type Argument, type Command, type Options } from '../command.ts'
import { WEBHOOK_TYPES } from '../changes.ts'
import { COMMANDS, partsOf } from '../commands.ts'
import { GLOBAL_OPTIONS } from '../global-options.ts'

/** Prints a script for a shell; it needs no sandbox, and starts no process when a word is completed. */
export const completion: Command = command({
  args: [{ name: '<shell>', choices: ['bash', 'zsh', 'fish'] }],
  async run({ output, texts }, _options, given = '') {
    const shell = given === 'zsh' || given === 'fish' ? given : 'bash'
    const words = await allWords()
    const script = shell === 'fish' ? fishScript(words) : bashScript(words, shell)
    output.result({ shell, script }, script)
    output.note(texts(`install.${shell}`))
  },
})

/** What was typed before → the words that can follow; `events ls --status` has the states. */
type Words = readonly (readonly [typed: string, following: readonly string[]])[]

async function allWords(): Promise<Words> {
  const globals = flagsOf(GLOBAL_OPTIONS)
  const found = await Promise.all(
    Array.from(COMMANDS, async ([name, load]) => [name, await load()] as const),
  )
  const parts = found.flatMap(([name, each]) => partsOf(name, each))
  return [
    ['', [...COMMANDS.keys(), ...globals]],
    ...valuesOf('', GLOBAL_OPTIONS),
    ...found.flatMap(([name, each]) =>
      'commands' in each ? [[name, [...Object.keys(each.commands), ...globals]] as const] : [],
    ),
    ...parts.flatMap(([path, { args, options }]) => [
      [path, [...args.flatMap(choicesOf), ...flagsOf(options), ...globals]] as const,
      ...valuesOf(`${path} `, options),
    ]),
  ]
}

function flagsOf(options: Options): readonly string[] {
  return Object.keys(options).map(flagOf)
}

function valuesOf(before: string, options: Options): Words {
  return Object.entries(options).flatMap(([name, { value, choices }]) =>
    value === undefined ? [] : [[before + flagOf(name), choicesOf({ name: value, choices })]],
  )
}

/** What a word is chosen from, as far as the command line knows it. */
function choicesOf({ name, choices }: Argument): readonly string[] {
  if (choices !== undefined) return choices
  if (/^[<[]type[>\]]$/.test(name)) return WEBHOOK_TYPES
  return name === '<id>' ? ['last'] : []
}

/** Bash, and zsh by its own `bashcompinit`. Without words, files are completed. */
function bashScript(words: Words, shell: 'bash' | 'zsh'): string {
  const cases = words.map(
    ([typed, following]) => `    '${typed}') words='${following.join(' ')}' ;;`,
  )
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

/** The same in fish. */
function fishScript(words: Words): string {
  const cases = words.map(
    ([typed, following]) =>
      `    case '${typed}'\n      ${['set -g __hongbao_sandbox_found', ...following].join(' ')}`,
  )
  return `function __hongbao_sandbox
  set -l path
  set -l typed (commandline -opc)
  for word in $typed[2..]
    if not string match -q -- '-*' $word; and __hongbao_sandbox_words "$path $word"
      set path "$path $word"
    end
  end
  if string match -q -- '--*' $typed[-1]
    __hongbao_sandbox_words "$path $typed[-1]"; or __hongbao_sandbox_words "$typed[-1]"; or __hongbao_sandbox_words "$path"
  else
    __hongbao_sandbox_words "$path"
  end
  string match -- (commandline -ct)'*' $__hongbao_sandbox_found
end
function __hongbao_sandbox_words
  switch (string trim -- $argv[1])
${cases.join('\n')}
    case '*'
      return 1
  end
  return 0
end
complete -c hongbao-sandbox -f -a '(__hongbao_sandbox)'
complete -c hongbao-sandbox -n 'test -z "$(__hongbao_sandbox)"' -F`
}
