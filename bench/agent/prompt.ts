/**
 * A conversation in the shape in which coding agents ask: a long system message with rules, functions that read and change a project,
 * a task with the files that are open and what the editor knows, then results of calls, a piece of a file each.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Of an installed package, so that the texts are code that somebody wrote. */
const PROJECT = path.resolve(import.meta.dirname, '../../node_modules/undici/lib');
const OPEN_FILES = ['core/request.js', 'api/readable.js'];
const READ_FILES = ['dispatcher/pool.js', 'dispatcher/agent.js', 'core/util.js', 'dispatcher/balanced-pool.js'];
const OPEN_CHARACTERS = 9200;
const RESULT_CHARACTERS = 520;

const RULES = [
  'You are a careful software engineer inside an editor. You work on the project of the person who asks, with the functions that you are given, one step at a time, until the task is done.',
  '',
  '# How you work',
  '- Before you change anything, read what you are about to change. Never guess what a file holds, what a function is called, or which arguments it takes: look it up.',
  '- Ask for exactly one call in each message. Wait for its result before you go on. A result may show that the plan was wrong; then change the plan, and say so in one sentence.',
  '- Prefer the smallest change that does what was asked. Leave formatting, names and comments of others alone unless the task is about them.',
  '- Follow the conventions of the project: its module system, its style of errors, its tests. Look at two neighbouring files before you write a new one.',
  '- A change of behaviour needs a test that fails without it. Look for the test of the file that you change, and extend it.',
  '- If a command fails, read its output to the end before you try again. Do not run the same command twice without a change in between.',
  '- Never remove a check, a test or an error message to make something pass.',
  '- Do not touch files outside the project. Do not install packages unless the task says so. Do not send anything over the network.',
  '',
  '# What a good step looks like',
  'Say in at most two sentences what you are about to do and why. Then make the call. Do not repeat what the last result said. Do not paste whole files into your message: the person sees them in the editor.',
  '',
  '# Editing files',
  'Use replace_in_file for changes of a file that exists. The text to find has to stand in the file exactly once, with its white space; give enough lines around the change. Use write_file for new files only. After an edit, read the lines around it again where the change was not trivial. ',
  'Keep lines below 120 characters. Files end with one line end. Do not mix tabs and spaces. Imports stay sorted as they are.',
  '',
  '# Commands',
  'Commands run in the root of the project, in a shell without a terminal: nothing can be asked there, so use flags that answer questions. Prefer commands that end by themselves. Long output is cut in the middle; narrow it down with a filter.',
  'Before a command that deletes or moves something, list what it will touch.',
  '',
  '# When you are done',
  'Call finish with a summary of what was changed, file by file, and how it was checked. If something is left open, name it. Do not end with a question, and do not offer further help.',
  '',
  '# When you cannot go on',
  'If the task contradicts itself, or needs a decision that only the person can take, call ask_person with one question and the two or three answers that you see. Do not ask for what you can find out yourself.',
];

const text = (description: string, maxLength = 80) => ({ type: 'string', description, maxLength });
const PATH = text('Path of the file, from the root of the project.', 60);

function tool(name: string, description: string, properties: Record<string, object>) {
  const parameters = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
  return { type: 'function', function: { name, description, parameters, strict: true } };
}

const TOOLS = [
  tool('read_file', 'Reads a file, or a part of it. Lines are numbered in the result. Use it before every edit.', {
    path: PATH,
  }),
  tool('list_files', 'Lists files and folders below a folder, two levels deep, without those that git ignores.', {
    path: text('Path of the folder, from the root of the project.', 60),
  }),
  tool(
    'search_files',
    'Searches all files below a folder for a regular expression, and shows each hit with its line.',
    {
      path: text('Path of the folder, from the root of the project.', 60),
      expression: text('A regular expression as ripgrep has it.'),
    },
  ),
  tool('list_definitions', 'Lists classes, functions and methods of a file, with the lines on which they begin.', {
    path: PATH,
  }),
  tool('replace_in_file', 'Replaces a text that stands in a file exactly once by another one.', {
    path: PATH,
    find: text('What is there now, with its white space.'),
    replacement: text('What is to stand there.'),
  }),
  tool('write_file', 'Writes a new file, with all folders above it. Fails where the file exists.', {
    path: PATH,
    content: text('The whole content.'),
  }),
  tool('run_command', 'Runs a command in the root of the project, and shows its output and its exit status.', {
    command: text('The command, as a shell reads it.'),
  }),
  tool('ask_person', 'Asks the person one question. Only where you cannot find out yourself.', {
    question: text('The question.'),
  }),
  tool('finish', 'Ends the task with a summary of what was changed and how it was checked.', {
    summary: text('File by file.'),
  }),
];

const TASKS = [
  'Requests that are aborted before their headers are sent should be counted apart from those that fail. Find where both end, and add a counter for each, with a test.',
  'The pool opens a connection more than its limit when two requests come in the same tick. Find out why, and mend it.',
  'A body that is consumed twice gives an error that does not say which request it was. Put method and path into the message.',
];

export interface Agent {
  readonly tools: readonly object[];
  readonly messages: object[];
  /** What a call of a turn gives back: a piece of code that was not there before. */
  readonly result: (turn: number) => string;
}

/** @param number which task it has; each has files of its own */
export function startAgent(number: number): Agent {
  const start = 700 * number;
  const open = OPEN_FILES.map((file) => {
    const source = read(file).slice(start, start + OPEN_CHARACTERS / OPEN_FILES.length);
    return `<file path="lib/${file}">\n${source}\n</file>`;
  });
  const task = [
    `<task>\n${TASKS[number % TASKS.length]}\n</task>`,
    ...open,
    '<environment>\nOpen tabs: lib/core/request.js, lib/api/readable.js, test/request.js\nBranch: main, nothing to commit\nShell: bash\n</environment>',
  ];
  const sources = READ_FILES.map(read);
  return {
    tools: TOOLS,
    messages: [
      { role: 'system', content: RULES.join('\n') },
      { role: 'user', content: task.join('\n\n') },
    ],
    result(turn) {
      const source = sources[turn % sources.length]!;
      const at = (start + turn * RESULT_CHARACTERS) % Math.max(1, source.length - RESULT_CHARACTERS);
      return source.slice(at, at + RESULT_CHARACTERS);
    },
  };
}

function read(file: string): string {
  return readFileSync(path.join(PROJECT, file), 'utf8');
}
