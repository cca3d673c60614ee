/**
 * The command line with which `cmd.exe` starts a program with exactly these arguments. Windows starts
 * npx and pnpm, which are scripts there, only through it, and Node passes arguments to a shell unquoted.
 */
export function windowsCommand(program, args) {
  return [program, ...args.map(quoted)].join(' ')
}

function quoted(arg) {
  if (/^[\w!*./:@=,\\-]+$/.test(arg)) return arg
  // A program reads \" as a quotation mark, and backslashes before a quotation mark in pairs.
  return `"${arg.replaceAll(/(\\*)("|$)/g, (_match, slashes, end) => `${slashes}${slashes}${end && '\\"'}`)}"`
}
