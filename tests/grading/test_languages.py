"""Other writing systems, other languages, other ways to group digits."""

import pytest

from grpo_space.grading.answers import grade

CASES: dict[str, list[tuple[str, str, bool]]] = {
    "chinese": [
        ("答案是负7", "-7", True), ("答案为 56 元。", "56", True), ("答案：56", "56", True),
        ("答案是百分之二十", "20%", True), ("答案是十二", "12", True), ("答案是三分之二", "2/3", True),
        ("所以他有二十四个苹果。", "24", True), ("故选C", "C", True), ("因此选B。", "B", True),
        ("答案是5千", "5", False), ("答案：3万5千", "35000", True), ("答案是1亿", "1", False),
        ("他每天赚18美元", "18", True), ("每天赚56美元。", "56", True), ("答：小明买了7本书。", "7", True),
        ("答えは24です。", "24", True), ("정답은 42입니다.", "42", True), ("3만원", "30000", True),
        ("3만원", "3", False), ("他有15个苹果", "15", True), ("所以总共是15元", "15", True),
        ("答：15个", "15", True), ("答：小明一共有15个苹果。", "15", True), ("答案为15千克", "15", True),
        ("15米/秒", "15", True), ("答案是15%", "15%", True), ("答案是百分之15", "15%", True),
        ("答案是3/4", "3/4", True), ("答案是四分之三", "3/4", True), ("答案是2千", "2000", True),
        ("答案是1.5万", "15000", True), ("1.5万", "1.5", False), ("1.5万", "15000", True),
        ("15万元", "150000", True), ("15万元", "15", False), ("2亿人", "2", False), ("答案是负十五", "-15", True),
        ("答案是负15", "15", False), ("答案不是15", "15", False), ("不是15而是18", "18", True),
        ("不是15而是18", "15", False), ("15或者18", "15", False), ("15和18", "18", False), ("超过15", "15", False),
        ("至少15个", "15", False), ("约15个", "15", True), ("9×2=18元", "18", True),
        ("答案是18，因为9×2=18", "18", True), ("【答案】18", "18", True), ("【答案】C", "C", True),
        ("选C", "C", True), ("故答案为：18", "18", True), ("故答案为18", "18", True), ("故选：C", "C", True),
        ("所以答案选B", "B", True), ("正确答案是D", "D", True), ("答案是A或B", "A", False),
        ("因此选择C。", "C", True), ("18元。", "18", True), ("所以小红比小明多18个", "18", True),
    ],
    "chinese no space": [
        ("<answer>共7个</answer>", "7", True), ("\\boxed{42元}", "42", True),
        ("\\boxed{\\text{共}42\\text{元}}", "42", True), ("所以，一共是36。", "36", True),
        ("最终答案为：她有25本书。", "25", True), ("第5天他跑了12公里", "12", True), ("답은 25입니다", "25", True),
        ("정답: 7개", "7", True), ("<answer>5小时30分钟</answer>", "5", False),
        ("<answer>十八</answer>", "18", True), ("小红有12个，小明有7个，一共19个", "19", True),
        ("答案是9或10", "9", False), ("<answer>9和10</answer>", "9", False),
    ],
    "locale": [
        ("<answer>minus 45</answer>", "-45", True), ("<answer>—45</answer>", "-45", True),
        ("<answer>(45)</answer>", "45", True), ("<answer>+45</answer>", "45", True),
        ("<answer>٤٣٢١</answer>", "4321", True), ("<answer>4 321,56</answer>", "4321.56", True),
        ("<answer>4.321.000</answer>", "4321000", True), ("<answer>4,5</answer>", "45", False),
        ("<answer>4 321</answer>", "321", False), ("<answer>4 321</answer>", "4", False),
        ("<answer>2,71828</answer>", "2.71828", True), ("<answer>0,25</answer>", "0.25", True),
        ("<answer>4'32</answer>", "4", False), ("Antwort: 12", "12", True), ("La respuesta es 12.", "12", True),
        ("Resposta: 12", "12", True), ("Risposta: 12", "12", True),
        ("<answer>3 Millionen</answer>", "3000000", True), ("<answer>3 Millionen</answer>", "3", False),
        ("<answer>minus 4,5</answer>", "-4.5", True), ("<answer>2 mil</answer>", "2000", True),
        ("<answer>1'500'000</answer>", "1500000", True), ("<answer>1 500 000,25</answer>", "1500000.25", True),
        ("<answer>1,500,000.25</answer>", "1500000.25", True), ("<answer>1٬500</answer>", "1500", True),
        ("<answer>1.500</answer>", "1500", False), ("<answer>1.500</answer>", "1.5", True),
        ("<answer>1,500</answer>", "1500", True), ("<answer>15,0</answer>", "15", True),
        ("<answer>-0,5</answer>", "-0.5", True), ("<answer>€3,75</answer>", "3.75", True),
        ("<answer>1'5</answer>", "15", False), ("<answer>10 000</answer>", "10000", True),
        ("<answer>1 000 000</answer>", "1000000", True), ("<answer>1\u202f500</answer>", "1500", True),
        ("<answer>-１５</answer>", "-15", True), ("<answer>15％</answer>", "15%", True),
        ("<answer>moins 15</answer>", "-15", True), ("<answer>menos 15</answer>", "-15", True),
        ("<answer>минус 15</answer>", "-15", True), ("<answer>15 pièces</answer>", "15", True),
        ("<answer>15 Äpfel</answer>", "15", True), ("<answer>15 リンゴ</answer>", "15", True),
        ("<answer>15개</answer>", "15", True), ("<answer>2 Tsd.</answer>", "2", False),
        ("<answer>2 mille</answer>", "2000", True), ("<answer>2 thousand</answer>", "2", False),
        ("<answer>5 lakh</answer>", "500000", True), ("<answer>5 crore</answer>", "5", False),
        ("La réponse finale est 15.", "15", True), ("La respuesta final es: 15", "15", True),
        ("A resposta é 15.", "15", True), ("La risposta è 15.", "15", True), ("答えは15です", "15", True),
        ("答え: 15", "15", True), ("答案是：15", "15", True), ("最终答案是15。", "15", True),
        ("答案:15元", "15", True), ("Resultado: 15", "15", True), ("الجواب: ١٥", "15", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CASES))
def test_a_kind(kind: str) -> None:
    misjudged = [case for case in CASES[kind] if grade(case[0], case[1]).lenient is not case[2]]
    assert misjudged == []


@pytest.mark.parametrize(
    "text",
    [
        "La respuesta no es {}.",
        "La réponse n'est pas {}.",
        "Die Antwort ist nicht {}.",
        "A resposta não é {}.",
        "La respuesta incorrecta: 8. La respuesta no es {}",
    ],
)
def test_what_is_denied_in_another_language_is_not_stated(text: str) -> None:
    assert not grade(text.format(7), "7").lenient
    assert grade(f"{text.format(8)} La respuesta es 7.", "7").lenient


@pytest.mark.parametrize(
    ("stated", "gold"),
    [("cafe\u0301", "café"), ("Café", "cafe\u0301"), ("“Paris”", "Paris"), ("«Paris»", "Paris"), ("「東京」", "東京"),
     ("it’s late", "it's late")],
)  # fmt: skip
def test_a_word_is_the_same_however_its_accents_are_encoded_and_its_quotes_look(stated: str, gold: str) -> None:
    assert grade(f"<answer>{stated}</answer>", gold).lenient
    assert not grade("<answer>cafe</answer>", "café").lenient


@pytest.mark.parametrize(
    "text",
    [
        "Die falsche Antwort ist {}.", "La respuesta incorrecta es {}.", "La mauvaise réponse est {}.",
        "A resposta errada é {}.", "La risposta sbagliata è {}.", "错误的答案是{}。", "错误答案:{}", "答えは{}ではない",
        "答えは{}ではありません。", "정답은 {}이 아닙니다", "Неправильный ответ: {}", "Het verkeerde antwoord is {}",
        "Zła odpowiedź: {}", "Yanlış cevap: {}",
    ],
)  # fmt: skip
def test_what_is_called_wrong_in_another_language_is_not_stated(text: str) -> None:
    assert not grade(text.format(7), "7").lenient
    assert grade(f"{text.format(8)} Die richtige Antwort ist 7.", "7").lenient


@pytest.mark.parametrize(
    "text",
    [
        "The wrong answer is 18, but the right one is 20.", "I don't think the answer is 18, I think it is 20.",
        "La respuesta no es 18, sino 20.", "Die falsche Antwort ist 18, sondern 20.", "答えは18ではなく20です",
        "정답은 18이 아니라 20입니다", "错误答案是18,而是20", "答えは18じゃなくて20です",
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_what_is_denied_is_stated(text: str) -> None:
    assert grade(text, "20").lenient
    assert not grade(text, "18").lenient
