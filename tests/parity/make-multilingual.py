"""Makes goldens/multilingual.json.gz: tokens of 500 strings and vectors of some texts by multilingual-e5-small, both by other programs than ours.

    python tests/parity/make-multilingual.py e5-small-q4.bin      (with numpy, sentencepiece, protobuf and tokenizers)

Tokens are those of Hugging Face's tokenizers with the vocabulary of the file and SentencePiece's own table for `nmt_nfkc`, which XLM-RoBERTa's is made with. Vectors are computed in
float32 from the weights of the file, multiplied out: mean over all tokens, normalised, kept as int8 steps of 1/127 of the largest component, which costs less than 1e-4 of cosine.
"""

import base64
import gzip
import hashlib
import io
import json
import random
import struct
import sys
from math import erf
from pathlib import Path

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
SENTENCES = {
    "en": ["The notice period is three months.", "How do I cancel a standing order?", "Fees are charged on the last working day of each quarter, not before.", "Which option closes idle sockets?"],
    "de": ["Die Kündigungsfrist beträgt drei Monate.", "Wie lösche ich einen Dauerauftrag?", "Straßenbahnhaltestellenverzeichnis der Stadt Gießen", "Überweisungen über 1.234,56 € dauern länger."],
    "fr": ["Le préavis est de trois mois.", "Comment annuler un virement permanent ?", "L’œuvre s’achève aujourd’hui, n’est-ce pas ?", "Où se trouve l'agence la plus proche ?"],
    "es": ["El plazo de preaviso es de tres meses.", "¿Cómo cancelo una orden permanente?", "¡Qué mañana más fría en Logroño!", "La comisión se cobra el último día hábil."],
    "ru": ["Срок уведомления составляет три месяца.", "Как отменить регулярный платёж?", "Комиссия не взимается с переводов до 500 ₽.", "Ещё одна строка с буквой ё."],
    "zh": ["通知期为三个月。", "怎样取消定期转账？", "手续费在每个季度的最后一个工作日收取。", "如何查看已安装的软件包"],
    "ja": ["解約の予告期間は三か月です。", "自動送金を取り消すにはどうすればよいですか？", "ﾊﾝｶｸｶﾅと全角ＡＢＣ１２３～波ダッシュ", "パッケージをインストールする方法"],
    "ar": ["مدة الإشعار ثلاثة أشهر.", "كيف ألغي أمر الدفع الدائم؟", "رقم الحساب ٣٤٥٦٧", "لا تُفرض أي رسوم"],
    "ko": ["통지 기간은 석 달입니다.", "자동 이체를 취소하려면 어떻게 해야 하나요?", "수수료는 분기 말에 부과됩니다.", "패키지를 설치하는 방법"],
    "hi": ["सूचना की अवधि तीन महीने है।", "मैं स्थायी आदेश कैसे रद्द करूँ?"],
    "th": ["ระยะเวลาแจ้งล่วงหน้าคือสามเดือน", "ฉันจะยกเลิกคำสั่งประจำได้อย่างไร"],
}  # fmt: skip
ODD = [
    "", " ", "a", "▁", "▁▁a", "a▁b", "～", "a～b ～", "ﬁne ½ x² Ⅷ №5 ㍿", "e\u0301 vs é", "n\u0303o", "가", "👍🏽👩‍👩‍👧‍👦🇩🇪", "\u200bzero\u200bwidth\ufeff", "\x01\x1bcontrol\x7f", "tab\tline\nreturn\r\n",
    "\u3000ideographic\u3000", "\u00a0nbsp\u2009thin", "<s> </s> <pad> <unk> <mask>", "𝒜𝔅𝕔 𐌰𐌱", "ᚠᚢᚦ ꙮ", "\U0001f9ff\U0001fae8", "snake_case camelCase kebab-case", "const x = a?.b ?? [1, 2];", "https://example.com/a?b=c&d=1#e",
    "user@example.org", "127.0.0.1:8080", "0xDEADBEEF 1e-9 1_000_000", "AAAAAAAA" * 20, "ab" * 60, "word " * 40, "...!!!???", "—–‘quoted’ “double”", "٣٤٥ १२३ ３７", "  lead", "trail  ", "two  blanks",
]  # fmt: skip
JOINTS = [" ", "  ", "", "\n", "\t", "\u3000", "\u00a0", " - ", ", ", "～", "/", "_"]
STRINGS = 500
VECTORS_OF_ODD = 6


def read(path: Path):
    data = path.read_bytes()
    at = 0

    def take(form: str):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values

    assert take("4sI") == (b"E5S1", 1)
    hidden, layers, heads, mlp, words, positions, types, epsilon, _ = take("7ifi")
    pieces, begin, end, _, unknown, size = take("5iQ")
    starts, scores = take(f"{pieces + 1}I"), take(f"{pieces}f")
    text = data[at : at + size]
    at += size
    count, _ = take("iI")
    becomes = {}
    for _ in range(count):
        character, length = take("IB")
        becomes[character] = "".join(map(chr, take(f"{length}I")))
    blanks = {character: " " for character, other in becomes.items() if other == " "}
    vocabulary = [(text[starts[i] : starts[i + 1]].decode(), scores[i]) for i in range(pieces)]
    tensors = {}
    for _ in range(take("i")[0]):
        (length,) = take("H")
        name = take(f"{length}s")[0].decode()
        kind, count, offset, size = take("BIQQ")
        tensors[name] = (kind, count, data[offset : offset + size])
    shape = {"hidden": hidden, "layers": layers, "heads": heads, "mlp": mlp, "epsilon": epsilon}
    return shape, (vocabulary, begin, end, unknown), blanks, tensors


def values(tensor) -> np.ndarray:
    kind, count, data = tensor
    if kind == 0:
        return np.frombuffer(data, "<f4")
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("codes", "u1", 16)]))
    codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], axis=1).astype(np.float32) - 8
    return (codes * blocks["scale"].astype(np.float32)[:, None]).reshape(count)


def tokenizer_of(vocabulary, begin: int, end: int, unknown: int) -> Tokenizer:
    model = io.BytesIO()
    lines = [sentence for some in SENTENCES.values() for sentence in some] * 20
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, vocab_size=400, hard_vocab_limit=False, normalization_rule_name="nmt_nfkc", minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    # Control symbols, which SentencePiece never finds in a text: renamed, so that nothing holds their names.
    vocabulary = [(chr(0xE000 + i % 4096) if score == 0 else piece, score) for i, (piece, score) in enumerate(vocabulary)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    names = [vocabulary[begin][0], vocabulary[end][0]]
    tokenizer.post_processor = processors.TemplateProcessing(f"{names[0]} $A {names[1]}", special_tokens=[(names[0], begin), (names[1], end)])
    return tokenizer


class Encoder:
    def __init__(self, shape, tensors):
        self.shape = shape
        self.weights = {name: values(tensor) for name, tensor in tensors.items() if name != "emb.word"}
        self.words = values(tensors["emb.word"]).reshape(-1, shape["hidden"])

    def linear(self, x, name):
        return x @ self.weights[f"{name}.w"].reshape(-1, x.shape[1]).T + self.weights[f"{name}.b"]

    def norm(self, x, name):
        centred = x - x.mean(1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(1, keepdims=True) + self.shape["epsilon"]) * self.weights[f"{name}.w"] + self.weights[f"{name}.b"]

    def __call__(self, ids) -> np.ndarray:
        hidden, heads = self.shape["hidden"], self.shape["heads"]
        positions = self.weights["emb.pos"].reshape(-1, hidden)
        x = self.norm(self.words[ids] + positions[: len(ids)] + self.weights["emb.type"][:hidden], "emb.ln")
        split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)  # noqa: E731
        for i in range(self.shape["layers"]):
            q, k, v = (split(self.linear(x, f"l{i}.{name}")) for name in "qkv")
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(hidden / heads)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            attended = (scores / scores.sum(-1, keepdims=True)) @ v
            x = self.norm(x + self.linear(attended.transpose(1, 0, 2).reshape(len(ids), hidden), f"l{i}.ao"), f"l{i}.aln")
            inner = self.linear(x, f"l{i}.fi")
            inner = 0.5 * inner * (1 + np.vectorize(erf, otypes=[np.float32])(inner / np.sqrt(2)))
            x = self.norm(x + self.linear(inner, f"l{i}.fo"), f"l{i}.oln")
        vector = x.mean(0)
        return vector / np.linalg.norm(vector)


def strings() -> list[str]:
    rng = random.Random(20261128)
    plain = [sentence for some in SENTENCES.values() for sentence in some]
    found = [*plain, *ODD]
    while len(set(found)) < STRINGS:
        parts = []
        for _ in range(rng.randrange(2, 6)):
            text = rng.choice(plain + ODD)[:200]
            start = rng.randrange(len(text)) if text else 0
            parts.append(text[start : start + rng.randrange(1, 30)])
        found.append(rng.choice(JOINTS).join(parts))
    return list(dict.fromkeys(found))[:STRINGS]


def main(path: str) -> None:
    shape, vocabulary, blanks, tensors = read(Path(path))
    tokenizer = tokenizer_of(*vocabulary)
    encoder = Encoder(shape, tensors)
    vectors = []
    for number, text in enumerate([sentence for some in SENTENCES.values() for sentence in some] + ODD[2 : 2 + VECTORS_OF_ODD]):
        role = ("query", "passage")[number % 2]
        vector = encoder(tokenizer.encode(f"{role}: {text}").ids)
        steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
        vectors.append([text, role, base64.b64encode(steps.tobytes()).decode()])
    golden = {
        "model": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        # SentencePiece of today leaves joiners in a text, which that of 2019 made blanks of, as the file says.
        "tokens": [[text, tokenizer.encode(text.translate(blanks)).ids] for text in strings()],
        "vectors": vectors,
    }
    content = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/multilingual.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    print(len(golden["tokens"]), "strings,", len(vectors), "vectors")


if __name__ == "__main__":
    main(*sys.argv[1:])
