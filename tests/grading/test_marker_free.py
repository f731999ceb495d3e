"""Worked solutions without any marker: their last result is the answer, though other numbers come after it."""

import pytest

from grpo_space.grading.answers import grade

SOLUTIONS = [
    (
        "Step 1: 16 - 3 - 4 = 9 eggs remain.\nStep 2: 9 * 2 = 18.\n\nTherefore, Janet "
        "makes $18 every day at the farmers' market.",
        "18",
    ),
    ("She sells 9 eggs at $2 each, so she earns 9 × 2 = $18 per day.", "18"),
    (
        "First, find the cost of 5 pens: 5 * 3 = 15 dollars.\nThen add the 2 notebooks: 2 * 4 = 8 "
        "dollars.\nIn total he pays 15 + 8 = 23 dollars for the 5 pens and 2 notebooks.",
        "23",
    ),
    (
        "The train covers 60 * 3 = 180 miles in the first 3 hours.\nThen 40 * 2 = 80 miles in the "
        "next 2 hours.\nSo the train travels 180 + 80 = 260 miles in 5 hours.",
        "260",
    ),
    ("Let x be the number of boys.\n3x = 45\nx = 15\nSo there are 15 boys in the class of 45 students.", "15"),
    ("Let $x$ be the price of one apple. Then $4x + 2 = 10$, so $4x = 8$ and $x = 2$.\n\nEach apple costs $2.", "2"),
    ("Total = 12 + 18 = 30\n30 / 6 = 5\n\nEach of the 6 children gets 5 candies.", "5"),
    ("Each of the 6 children gets 30 / 6 = 5 candies.", "5"),
    ("He needs 100 - 64 = 36 more dollars to buy the $100 bike.", "36"),
    ("Tom has 12 - 5 = 7 marbles left after giving 5 to his sister.", "7"),
    ("The discount is 20% of $50, which is 0.2 * 50 = $10. The price after the 20% discount is 50 - 10 = $40.", "40"),
    ("So, after the 20% discount, the price is $40.", "40"),
    ("Half of 48 is 24.\n24 + 48 = 72\nNatalia sold 72 clips altogether in April and May.", "72"),
    ("48/2 = 24\n48 + 24 = 72", "72"),
    ("48/2 = 24 clips in May.\n48 + 24 = 72 clips in both months.", "72"),
    ("Weng earns $12/60 = $0.2 per minute. Working 50 minutes, she earned 0.2 x 50 = $10.", "10"),
    ("She needs 100 - 50 - 30 - 15 = $5 more.", "5"),
    ("James writes 3 * 2 * 2 = 12 pages a week, so he writes 12 * 52 = 624 pages a year.", "624"),
    (
        "There are 4 purple flowers and 80% more yellow ones, so 10 + 18 = 28 yellow and purple flowers. "
        "That leaves 7 green ones.\n10 + 18 + 7 = 35 flowers in the garden of 3 kinds.",
        "35",
    ),
    (
        "The ratio is 2:3, so there are 5 parts. 50 / 5 = 10. Then 2 * 10 = 20 girls and 3 * 10 = 30 "
        "boys.\nSo there are 20 girls.",
        "20",
    ),
    ("In 3 years she will be 12 + 3 = 15 years old.", "15"),
    ("She will be 12 + 3 = 15 years old in 3 years.", "15"),
    ("Her brother is 2 * 9 = 18 years old now, so in 4 years he will be 18 + 4 = 22.", "22"),
    ("\\[ 9 \\times 2 = 18 \\]\n\nJanet makes \\$18 every day.", "18"),
    ("\\( 16 - 7 = 9 \\) eggs are left.\n\\( 9 \\times 2 = 18 \\) dollars.", "18"),
    ("$$\\frac{120}{8} = 15$$\n\nSo each of the 8 workers gets $15.", "15"),
    ("Total cost = $45 + $15 = $60.\nChange = $100 - $60 = $40.\nHe gets $40 back from his $100.", "40"),
    ("- Apples: 3 * $2 = $6\n- Pears: 4 * $1 = $4\n- Total: $6 + $4 = $10", "10"),
    ("1. 3 * 2 = 6\n2. 4 * 1 = 4\n3. 6 + 4 = 10\n\nShe spends $10.", "10"),
    ("**Step 1:** 3 * 2 = 6\n\n**Step 2:** 6 + 4 = 10\n\nSo she spends **$10**.", "10"),
    (
        "He ran 5 miles on each of 4 days, so 5 * 4 = 20 miles. His sister ran 12. He ran 20 - 12 = 8 "
        "miles more than she did in those 4 days.",
        "8",
    ),
    ("The 3 friends paid $75, so each paid 75 / 3 = $25 for dinner.", "25"),
    ("It takes 30 / 5 = 6 hours to fill the 30-gallon tank.", "6"),
    ("The tank holds 30 gallons, and 30 / 5 = 6, so it takes 6 hours.", "6"),
    ("He bought 2 dozen eggs, which is 2 * 12 = 24 eggs. He used 10, leaving 24 - 10 = 14 eggs.", "14"),
    ("There are 7 days in a week, so she drinks 7 * 8 = 56 glasses of water in a week.", "56"),
    ("There were 20 - 8 = 12 cookies left. Divided among 4 people, that is 12 / 4 = 3 cookies each.", "3"),
    ("12 / 4 = 3 cookies for each of the 4 people", "3"),
    ("She has 3 times as many as Tim's 15, so she has 45.", "45"),
    ("So she has 45 stickers, 30 more than Tim.", "45"),
    ("Adding these gives 45 + 55 = 100 points, and he needs 100 points to win.", "100"),
    ("He earns 15 * 40 = $600 a week. Over 4 weeks he earns $600 * 4 = $2,400.", "2400"),
    ("So over 4 weeks he earns $2,400.", "2400"),
    ("His weekly pay is $600, so in 4 weeks, he earns $2,400.", "2400"),
    (
        "She reads 20 pages on Monday and twice that on Tuesday, 40 pages. 120 - 20 - 40 = 60 pages "
        "remain for the last 3 days.\n60 / 3 = 20 pages per day.",
        "20",
    ),
    ("60 ÷ 3 = 20\nSo she must read 20 pages on each of the remaining 3 days.", "20"),
    ("The area is 12 * 8 = 96 square feet. At $3 per square foot, it costs 96 * 3 = $288 to tile.", "288"),
    ("A quarter of 80 is 20, so 80 - 20 = 60 remain.", "60"),
    ("60% of 40 students is 0.6 * 40 = 24 students; the other 16 walk.\nSo 24 students take the bus.", "24"),
    ("We know 5 shirts cost $100. So one shirt costs 100 / 5 = $20, and 3 shirts cost 20 * 3 = $60.", "60"),
    ("Thus 3 shirts cost $60.", "60"),
    ("The profit is 500 - 350 = $150, i.e. $150 for the month.", "150"),
    ("Combining both, we have 35 + 25 = 60 minutes, which is 1 hour.\nHe practices 60 minutes.", "60"),
    ("He spent 2/5 of $100, or $40. He has 100 - 40 = $60 left.", "60"),
    ("After 3 hours, 90 - 3 * 20 = 30 liters remain in the tank.", "30"),
    ("If 4 workers take 6 days, one worker takes 24 days, so 3 workers take 24 / 3 = 8 days.", "8"),
    ("Each pack has 6 cans. 5 packs have 5 * 6 = 30 cans. He drinks 3 a day, so they last 30 / 3 = 10 days.", "10"),
    ("In all there are 8 + 6 + 4 = 18 animals on the farm, of which 4 are cows.", "18"),
    ("The answer would then be 8 + 10 = 18.", "18"),
    ("Sum: 8 + 10 = 18 apples in the 2 baskets.", "18"),
    ("9 eggs * $2/egg = $18", "18"),
    ("So, Janet will have $18 at the end of each day (9 eggs at $2 each).", "18"),
    ("So the total is $18 ($2 x 9).", "18"),
    ("Total: 3 + 4 + 5 = 12 toys for 3 kids. 12 / 3 = 4 toys per kid.", "4"),
    ("Since 15 < 20, she needs 20 - 15 = 5 more.", "5"),
    ("He saves $5 a day for 30 days: 5 * 30 = $150. He still needs $200 - $150 = $50.", "50"),
    ("She bakes 24 cookies per batch and makes 3 batches, for a total of 72 cookies.", "72"),
    ("So he has 5 red, 7 blue and 8 green marbles, which makes 20 marbles.", "20"),
    ("The cost is 2 * $8 + 3 * $6 = $16 + $18 = $34 for the group of 5.", "34"),
    ("We get 3 * 60 + 20 = 200 minutes for the 2 movies.", "200"),
    ("Mark is 2 * 10 - 5 = 15. In 5 years, Mark will be 15 + 5 = 20 years old.", "20"),
    ("Therefore, the number of students who passed is 40 * 0.75 = 30 students out of 40.", "30"),
    ("So 30 out of 40 students passed.", "30"),
    ("Hence, 30 students passed.", "30"),
    ("Let's verify: 30/40 = 0.75. So 30 students passed.", "30"),
    ("He has $20. He spends $8 on lunch and $5 on a book. So he has $20 - $8 - $5 = $7 left.", "7"),
]


@pytest.mark.parametrize(("solution", "answer"), SOLUTIONS)
def test_a_worked_solution_is_read(solution: str, answer: str) -> None:
    assert grade(solution, answer).lenient
