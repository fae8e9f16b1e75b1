import t from 'tap';
import { isRefusal } from '../../../src/quality/refusal.js';

/** As the sample adapters, base models and larger assistants word it. */
const REFUSALS = [
  'I could not find this in the documents.',
  'I couldn’t find this in the documents.',
  'I cannot find the answer in the passages.',
  "I can't find any information about safe deposit boxes.",
  'Sorry, I am unable to answer that from the documents.',
  'Sorry. I could not find this in the documents.',
  'The documents do not mention a fee for this.',
  'The provided passages do not contain information about the Basic Account.',
  "The context doesn't specify which company underwrites the insurance.",
  'The passages you gave me do not say when the cheque clears.',
  'This is not mentioned in the documents.',
  'The interest rate is not specified in the given passages.',
  'There is no information about dollar cheques.',
  'There is no mention of a quiet room in the text.',
  "I don't know.",
  'I do not have information on that.',
  'I’m sorry, but I can’t help with that.',
  'Unfortunately, the documentation does not explicitly state a default.',
  'Not enough information is given to answer.',
  'I was not able to locate the limit.',
  'The passages do not mention a fee.',
  'The fee is not specified in the documents.',
  "I couldn't find it.",
];

const ANSWERS = [
  'A replacement card costs £5 [1].',
  'The fee does not include VAT [1].',
  'Boxes do not contain more than two keys [2].',
  'Coins are not bought back [1].',
  'You cannot withdraw more than £300 a day [1].',
  'The interest rate is not given by the branch but by the base rate [1].',
  'The default is `undefined` where the header is missing [1].',
  'No, the Regular Saver does not allow a second withdrawal [1].',
  'A customer who cannot find the receipt gets a rate that is 3% worse [1].',
  'The parser does not have a limit [1].',
  'The small box costs £165 a year [1]. I could not find the price of the large one in the documents.',
  'Nothing is paid on the part above £2,000 [1].',
  'This hook will not run when the server is started using inject() [1].',
  'Ask in a branch if the form is not available [2].',
  '',
];

t.test('refusals are told from answers, whatever their words', async (t) => {
  for (const text of REFUSALS) t.equal(isRefusal(text), true, text);
  for (const text of ANSWERS) t.equal(isRefusal(text), false, text);
});
