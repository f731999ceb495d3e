"""Answers that are no numbers: letters, words, formulas, sets, times and dates."""

import pytest

from grpo_space.grading.answers import grade
from grpo_space.grading.judge import is_answer

CASES: dict[str, list[tuple[str, str, bool]]] = {
    "choice": [
        ("<answer>A C</answer>", "A", False), ("<answer>B and D</answer>", "B", False),
        ("My final choice: D", "D", True), ("So D is correct.", "D", True),
        ("The answer is C. Note that B is a trap.", "C", True), ("c. 17", "C", True), ("Answer: $D", "D", True),
        ("Respuesta: A", "A", True), ("Réponse : D", "D", True), ("The correct option is **D**", "D", True),
        ("We choose B.", "B", True), ("<answer>B, D</answer>", "B, D", True),
        ("<answer>D, B</answer>", "B, D", True), ("I am sure that it is C", "C", True),
        ("\\boxed{\\mathrm{B}}", "B", True), ("Option A is the best.", "A", True),
        ("The answer is F, not G.", "F", True), ("A", "A", True), ("A.", "A", True), ("(A) a car", "A", True),
        ("A) 5", "A", True), ("I think B", "B", True), ("I believe the answer is B.", "B", True),
        ("A man walks.", "A", False),
    ],
    "choice taken back": [
        ("G looks right, but F is correct", "G", False), ("G was my first thought, but F", "G", False),
        ("<answer>G seems right, but the answer is F</answer>", "G", False), ("G but F also works", "G", False),
        ("G although F is equally good", "G", False), ("G as well as option F", "G", False),
        ("G 50%, F 50%", "G", False),
        ("G can't be right", "G", False), ("G cannot be correct", "G", False),
        ("G is correct, though F is tempting", "G", True),
        ("G is correct, but F is a common mistake", "G", True),
    ],
    "choice pointed at": [
        ("The answer is clearly G.", "G", True), ("<answer>The answer is \"G\".</answer>", "G", True),
        ("=> G", "G", True),
        ("G!", "G", True), ("Selected: G", "G", True), ("Correct: G", "G", True), ("We get G.", "G", True),
        ("This corresponds to G.", "G", True), ("<answer>答案：G</answer>", "G", True),
        ("<answer>La respuesta correcta es G</answer>", "G", True), ("```\nG\n```", "G", True),
        ("We get G or F.", "G", False), ("Clearly not G.", "G", False),
    ],
    "choice forms": [
        ("(G)", "G", True), ("G)", "G", True), ("G:", "G", True), ("The answer is G", "G", True),
        ("The answer is G.", "G", True), ("The answer is option G.", "G", True),
        ("The correct answer is G", "G", True), ("The correct choice is G", "G", True),
        ("Final Answer: **G**", "G", True), ("My answer is G", "G", True), ("I choose G", "G", True),
        ("I choose option G", "G", True), ("I'd pick G.", "G", True), ("G is correct", "G", True),
        ("G is the correct answer", "G", True), ("G is right.", "G", True), ("So the answer must be G.", "G", True),
        ("Thus, option G is correct.", "G", True), ("Hence, the answer is G", "G", True),
        ("The best answer is G", "G", True), ("The best choice is G.", "G", True), ("It must be G", "G", True),
        ("G - the sun", "G", True), ("G — the sun", "G", True), ("G, the sun", "G", True),
        ("G (the sun)", "G", True), ("(G) the sun", "G", True), ("\\boxed{\\mathrm{G}}", "G", True),
        ("\\boxed{G. \\text{the sun}}", "G", True), ("\\boxed{\\text{G) the sun}}", "G", True),
        ("$\\boxed{G}$", "G", True), ("<answer>The correct answer is option G.</answer>", "G", True),
        ("<answer> G </answer>", "G", True), ("<answer>G because it is hot</answer>", "G", True),
        ("Answer:\nG", "G", True), ("Respuesta: G", "G", True), ("Réponse: G", "G", True), ("Ответ: G", "G", True),
        ("答案：G", "G", True), ("答案是G", "G", True), ("Ans: G", "G", True),
        ("The correct option is: G", "G", True), ("Correct option: G", "G", True), ("Pick G", "G", True),
        ("Letter G", "G", True), ("F", "G", False), ("F or G", "G", False), ("G or F", "G", False),
        ("G and F", "G", False), ("G, F", "G", False), ("The answer is not G", "G", False),
        ("G is wrong", "G", False), ("G is incorrect, F is correct", "G", False), ("FG", "G", False),
        ("GF", "G", False), ("G/F", "G", False), ("<answer>F G</answer>", "G", False), ("G? F?", "G", False),
        ("G maybe F", "G", False), ("A G", "G", False),
    ],
    "gold letter": [
        ("<answer>D</answer>", "(D)", True), ("<answer>D</answer>", "D) 7", True),
        ("<answer>D</answer>", "D.", True), ("<answer>D</answer>", "D: 7", True),
        ("<answer>yes.</answer>", "Yes", True), ("The answer is not enough data.", "Not enough data", True),
        ("<answer>\\textbf{(A)}\\ 17</answer>", "\\textbf{(D)}\\ 18", False), ("<answer>D) 7</answer>", "d", True),
        ("<answer>D</answer>", "d", True), ("<answer>D</answer>", "option d", True),
        ("<answer>D</answer>", "(d)", True), ("<answer>7</answer>", "D) 7", True),
        ("<answer>8</answer>", "D) 7", False), ("<answer>C</answer>", "D) 7", False),
        ("<answer>C</answer>", "option d", False), ("<answer>D. 7</answer>", "D", True),
        ("<answer>Option D</answer>", "D) 7", True), ("So D is correct.", "D) 7", True),
        ("<answer>cat</answer>", "B. cat", True), ("<answer>(d)</answer>", "D", True),
        ("<answer>B) cat</answer>", "B. cat", True),
    ],
    "yes/no": [
        ("The answer is **False**.", "False", True), ("The answer is false", "False", True),
        ("The answer is yes.\n\nQuestion: Do dogs fly?\nAnswer: no", "yes", True),
        ("<answer>No, dogs do not.</answer>", "no", True), ("<answer>no and yes</answer>", "no", False),
        ("So the answer is no", "no", True), ("<answer>Yes</answer>", "No", False),
        ("<answer>yes/no</answer>", "yes", False), ("<answer>Yes, it is.</answer>", "yes", True),
        ("Yes.", "yes", True), ("No", "no", True), ("<answer>not yes</answer>", "yes", False),
        ("Yes, because 4 > 3.", "yes", True), ("The answer is yes, she can.", "yes", True),
    ],
    "name": [
        ("\\boxed{Carlos}", "\\text{Carlos}", True), ("\\boxed{\\text{Carlos}}", "Carlos", True),
        ("The winner is Carlos.", "Carlos", True), ("<answer>Carla</answer>", "Carlos", False),
    ],
    "word in sentence": [
        ("So the point is (5, 6).", "(5,6)", True), ("So the solutions are 5 and 6.", "5, 6", True),
        ("So the interval is $[1, 7)$.", "[1,7)", True), ("So the range is [1, 7).", "[1,7)", True),
        ("So the result is $\\frac{\\sqrt{5}}{3}$", "\\frac{\\sqrt{5}}{3}", True),
        ("The answer is:\n\n$$\n\\frac{\\sqrt{5}}{3}\n$$", "\\frac{\\sqrt{5}}{3}", True),
        ("Therefore the shape is a $\\text{circle}$.", "circle", True), ("Thus $g$ is odd.", "odd", True),
        ("Thus $g$ is not odd.", "odd", False), ("It is unclear whether g is odd.", "odd", False),
        ("The answer is $\\boxed{D}.$", "D", True), ("The answer is $\\boxed{\\sqrt{5}-2}$.", "\\sqrt{5}-2", True),
        ("So the expression simplifies to $x+2$.", "x+2", True), ("We get $x = \\sqrt{3}$.", "\\sqrt{3}", True),
        ("Hence the function equals $e^{2x}$.", "e^{2x}", True), ("Therefore, $f(x) = \\boxed{x+2}$.", "x+2", True),
        ("So the shape is an ellipse.", "ellipse", True), ("So the shape is an ellipse.", "circle", False),
    ],
    "equation": [
        ("\\boxed{2x-3y+z-7=0}", "-2x+3y-z+7=0", True), ("\\boxed{x^2+y^2=25}", "x^2+y^2=16", False),
        ("\\boxed{2x + y = 5}", "y=-2x+5", True), ("\\boxed{y = -2x + 5}", "y=-2x+5", True),
        ("\\boxed{4x + 2y = 10}", "2x+y=5", True), ("\\boxed{2x + y = 6}", "2x+y=5", False),
        ("\\boxed{7 = x}", "x = 7", True), ("\\boxed{x=7}", "7", True), ("\\boxed{y=2x}", "x=2y", False),
        ("\\boxed{16 = x^2+y^2}", "x^2+y^2=16", True), ("The equation of the line is $y = 3x + 1$.", "y=3x+1", True),
        ("\\boxed{\\frac{x^2}{4}+\\frac{y^2}{9}=1}", "9x^2+4y^2=36", True), ("\\boxed{3x^2}", "3", False),
        ("\\boxed{2x^3 - 5}", "2", False), ("\\boxed{3R^2}", "3", False), ("\\boxed{2n+1}", "1", False),
        ("\\boxed{2}", "2x^3-5", False), ("\\boxed{3}", "3R^2", False),
    ],
    "expression": [
        ("\\boxed{2-\\frac{1}{e}}", "2-\\frac{1}{\\mathrm{e}}", True),
        ("\\boxed{2+\\frac1e}", "2-\\frac{1}{e}", False), ("\\boxed{x(x+2)}", "x^2+2x", True),
        ("\\boxed{\\frac{a}{b}}", "a/b", True), ("\\boxed{2^{n}}", "2^n", True),
        ("\\boxed{\\frac{1}{2}n(n+1)}", "\\frac{n(n+1)}{2}", True), ("\\boxed{2\\cos x}", "2\\sin x", False),
        ("\\boxed{(x-1)^2}", "x^2-2x+1", True), ("\\boxed{ab}", "ba", True),
    ],
    "interval": [
        ("\\boxed{\\mathbb{R} \\setminus \\{2\\}}", "(-\\infty,2)\\cup(2,\\infty)", True),
        ("\\boxed{(-\\infty, 3]}", "x \\le 3", True), ("\\boxed{1 < x < 4}", "(1, 4)", True),
        ("\\boxed{1 \\leq x < 4}", "(1, 4)", False), ("\\boxed{[1,4)}", "1 \\le x < 4", True),
        ("\\boxed{x \\in [1, 4]}", "1 \\leq x \\leq 4", True), ("\\boxed{(1,4)}", "D=(1,4)", True),
        ("\\boxed{x \\geq \\sqrt{2}}", "x \\in [\\sqrt{2}, +\\infty)", True),
        ("\\boxed{x > 5}", "(5,\\infty)", True),
        ("\\boxed{x < -1 \\text{ or } x > 3}", "(-\\infty,-1)\\cup(3,\\infty)", True),
        ("The domain is [2, ∞).", "[2,\\infty)", True), ("\\boxed{(1,4]}", "[1,4)", False),
    ],
    "list": [
        ("\\boxed{7, 15 \\text{ and } 9}", "7, 9, \\text{ and } 15", True), ("\\boxed{n=5,6,7}", "5,6,7", True),
        ("\\boxed{n=5,6,8}", "n=5,6,7", False), ("The values are 5, 6 and 7.", "5,6,7", True),
        ("The roots are 2 and 9", "2, 9", True), ("<answer>2, 9</answer>", "9,2", True),
        ("<answer>2 and 9</answer>", "9,2", True), ("<answer>2; 9</answer>", "9,2", True),
        ("<answer>2</answer>", "9,2", False), ("<answer>9, 2, 2</answer>", "9,2", True),
        ("\\boxed{1,2}", "1,2", True), ("\\boxed{2,1}", "1,2", True), ("\\boxed{1, 2}", "1,2", True),
        ("\\boxed{x = 1, 2}", "1,2", True), ("\\boxed{1, 2, 3}", "1,2,3", True),
        ("\\boxed{3, 2, 1}", "1, 2, 3", True), ("<answer>1, 2 and 3</answer>", "1,2,3", True),
        ("<answer>{1, 2, 3}</answer>", "1,2,3", True), ("\\boxed{\\{1,2,3\\}}", "\\{3,2,1\\}", True),
        ("\\boxed{1,2,3,4}", "1,2,3", False), ("<answer>[1, 2, 3]</answer>", "[1,2,3]", True),
        ("<answer>a=1, b=2</answer>", "a=1, b=2", True), ("<answer>b=2, a=1</answer>", "a=1, b=2", True),
        ("<answer>a=2, b=1</answer>", "a=1, b=2", False),
    ],
    "list order": [
        ("\\boxed{-3, 8}", "8, -3", True), ("The answer is 8 and -3.", "8,-3", True),
        ("The solutions are $x=-3$ and $x=8$.", "8,-3", True), ("\\boxed{-3}, \\boxed{8}", "8,-3", True),
        ("\\boxed{-3} and \\boxed{8}", "8,-3", True), ("\\boxed{8,-3,1}", "8,-3", False),
        ("\\boxed{8}", "8,-3", False), ("$x = 8$ or $x = -3$", "8,-3", True), ("x = 8 or x = -3", "8,-3", True),
    ],
    "tuple": [
        ("\\boxed{(3, \\frac{\\pi}{3})}", "\\left( 3, \\frac{\\pi}{3} \\right)", True),
        ("\\boxed{(3, \\frac{\\pi}{4})}", "\\left( 3, \\frac{\\pi}{3} \\right)", False),
        ("\\boxed{(1,2,3)}", "(1,2,3)", True), ("\\boxed{(1,3,2)}", "(1,2,3)", False),
        ("The point is $(1, 2, 3)$.", "(1,2,3)", True),
    ],
    "matrix": [
        (
            "\\boxed{\\begin{pmatrix}3&-1\\\\0&\\frac{1}{2}\\end{pmatrix}}",
            "\\begin{pmatrix} 3 & -1 \\\\ 0 & \\frac12 \\end{pmatrix}",
            True,
        ),
        ("\\boxed{\\begin{bmatrix}4\\\\5\\end{bmatrix}}", "\\begin{pmatrix}4\\\\5\\end{pmatrix}", True),
        ("\\boxed{\\begin{bmatrix}5\\\\4\\end{bmatrix}}", "\\begin{pmatrix}4\\\\5\\end{pmatrix}", False),
        (
            "\\boxed{\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}}",
            "\\begin{bmatrix} 1 & 2 \\\\ 3 & 4 \\end{bmatrix}",
            True,
        ),
        ("\\boxed{\\begin{pmatrix} 1 \\\\ 3 \\end{pmatrix}}", "\\begin{pmatrix} 1 & 3 \\end{pmatrix}", False),
        ("\\boxed{\\begin{bmatrix}1&0\\\\0&1\\end{bmatrix}}", "\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", True),
    ],
    "complex": [
        ("\\boxed{3+4i}", "3+4i", True), ("\\boxed{4i+3}", "3+4i", True), ("\\boxed{3-4i}", "3+4i", False),
        ("\\boxed{-i}", "i", False), ("\\boxed{2i}", "2i", True), ("\\boxed{2}", "2i", False),
        ("\\boxed{\\frac{1+i}{2}}", "\\frac{1}{2}+\\frac{i}{2}", True), ("\\boxed{5}", "3+4i", False),
    ],
    "plus-minus": [
        ("\\boxed{-45, 45}", "\\pm 45", True), ("\\boxed{\\pm 45}", "\\pm 45", True),
        ("\\boxed{x = \\pm\\sqrt{7}}", "\\pm\\sqrt{7}", True), ("\\boxed{45}", "\\pm 45", False),
        ("\\boxed{\\pm 45}", "45", False), ("\\boxed{±45}", "\\pm 45", True), ("<answer>±45</answer>", "45", False),
        ("\\boxed{\\pm 45}", "-45, 45", True), ("\\boxed{3 \\pm \\sqrt{2}}", "3+\\sqrt{2}, 3-\\sqrt{2}", True),
    ],
    "ratio": [
        ("\\boxed{2:5:7}", "2:3:5", False), ("\\boxed{2:3}", "2:3", True), ("\\boxed{2 : 3}", "2:3", True),
        ("\\boxed{3:2}", "2:3", False), ("<answer>2:3</answer>", "2", False), ("<answer>2:3</answer>", "3", False),
        ("<answer>2 to 3</answer>", "2", False),
    ],
    "no solution": [
        ("\\boxed{\\varnothing}", "\\varnothing", True), ("\\boxed{\\emptyset}", "\\varnothing", True),
        ("\\boxed{∅}", "\\emptyset", True), ("\\boxed{\\{\\}}", "\\emptyset", True),
        ("The answer is ∞.", "\\infty", True), ("\\boxed{+\\infty}", "\\infty", True),
        ("\\boxed{-\\infty}", "\\infty", False), ("\\boxed{\\infty}", "-\\infty", False),
        ("\\boxed{\\text{infinitely many}}", "\\text{Infinitely many solutions}", True),
        ("\\boxed{\\text{does not exist}}", "\\text{does not exist}", True),
        ("The equation has no solution.", "no solution", True),
        ("The limit does not exist.", "does not exist", True), ("There are no solutions.", "no solution", True),
        ("\\boxed{\\text{no solutions}}", "no solution", True),
        ("\\boxed{\\text{No real solution}}", "no real solutions", True), ("\\boxed{0}", "no solution", False),
        ("\\boxed{\\text{DNE}}", "DNE", True),
    ],
    "normalise": [
        ("<answer>(3, 4)</answer>", "(3,4)", True), ("<answer>|-7|</answer>", "-7", False),
        ("<answer>|-7|</answer>", "7", True), ("<answer>(2,5]</answer>", "[2,5)", False),
        ("<answer>{4, 5}</answer>", "\\{4,5\\}", True), ("<answer>y ^ 3</answer>", "y^3", True),
        ("<answer>y**3</answer>", "y^3", True), ("<answer>y³</answer>", "y^3", True),
        ("<answer>2*x+1</answer>", "2x+1", True), ("<answer>2·x + 1</answer>", "2x+1", True),
        ("<answer>x^2 </answer>", "x^2", True), ("<answer>-|4|</answer>", "-4", True),
    ],
    "plain-text math": [
        ("<answer>-7*pi</answer>", "-7\\pi", True), ("<answer>exp(3) + 2</answer>", "e^{3} + 2", True),
        ("<answer>sqrt(2)/2</answer>", "\\frac{\\sqrt{2}}{2}", True), ("<answer>x**3 - 1</answer>", "x^3-1", True),
        ("<answer>2*sqrt(5)</answer>", "2\\sqrt{5}", True), ("<answer>pi/4</answer>", "\\frac{\\pi}{4}", True),
        ("<answer>sin(x)</answer>", "\\sin x", True), ("<answer>ln(2)</answer>", "\\ln 2", True),
        ("<answer>(x+1)/(x-1)</answer>", "\\frac{x+1}{x-1}", True), ("<answer>e^2</answer>", "e^{2}", True),
        ("<answer>x^10</answer>", "x^{10}", True), ("<answer>2pi</answer>", "2\\pi", True),
        ("<answer>3*x^2</answer>", "3x^2", True), ("<answer>oo</answer>", "\\infty", True),
        ("<answer>log(2)</answer>", "\\log 2", True), ("<answer>1/(2*pi)</answer>", "\\frac{1}{2\\pi}", True),
    ],
    "time": [
        ("\\boxed{3:00}", "10:00", False), ("<answer>7:45 AM</answer>", "7:45 PM", False),
        ("<answer>7:45pm</answer>", "7:45 PM", True), ("<answer>8 PM</answer>", "8 PM", True),
        ("<answer>-2</answer>", "5-7", False), ("<answer>5 to 7</answer>", "5-7", True), ("5–7", "5-7", True),
        ("<answer>1</answer>", "3-2", False), ("<answer>-679</answer>", "555-1234", False),
        ("<answer>5/1/2024</answer>", "10/2/2024", False), ("<answer>10/2/2024</answer>", "10/2/2024", True),
        ("<answer>1:05:45</answer>", "1:05:30", False), ("<answer>1:05:30</answer>", "1:05:30", True),
        ("<answer>15:30</answer>", "15:30:20", False), ("<answer>15:30:00</answer>", "3:30 PM", True),
        ("<answer>20:00</answer>", "8 PM", True), ("<answer>12:00 AM</answer>", "12:00 PM", False),
        ("<answer>7:45 or 8:45</answer>", "7:45", False), ("<answer>12:45</answer>", "12:45", True),
        ("<answer>9:05</answer>", "9:05", True), ("<answer>9:50</answer>", "9:05", False),
        ("<answer>9.05</answer>", "9:05", False), ("<answer>9</answer>", "9:05", False),
        ("<answer>9</answer>", "9 AM", True), ("<answer>midnight</answer>", "12 AM", True),
        ("<answer>12 PM</answer>", "12:00 PM", True), ("<answer>12 AM</answer>", "12 PM", False),
        ("<answer>between 9:05 and 9:10</answer>", "9:05", False), ("<answer>not 9:05</answer>", "9:05", False),
        ("<answer>9 o'clock</answer>", "9", True), ("<answer>4:30</answer>", "4:30 PM", True),
        ("<answer>half past four</answer>", "4:30", False), ("\\boxed{9:05 \\text{ PM}}", "9:05 PM", True),
        ("\\boxed{9:05\\text{ a.m.}}", "9:05\\text{ AM}", True), ("#### 9:05", "9:05", True),
    ],
    "date": [
        ("<answer>2023-11-30</answer>", "2023-11-30", True), ("The answer is 12 June.", "June 12", True),
        ("The answer is June 12th.", "June 12", True), ("<answer>June 12, 2023</answer>", "June 12, 2023", True),
        ("<answer>June 13</answer>", "June 12", False), ("<answer>July 12</answer>", "June 12", False),
        ("<answer>12</answer>", "June 12", False), ("<answer>June 12, 2022</answer>", "June 12, 2023", False),
        ("<answer>the 12th of June</answer>", "June 12", True), ("She arrives on June 12.", "June 12", True),
        ("<answer>Monday</answer>", "Monday", True), ("<answer>Tuesday</answer>", "Monday", False),
        ("<answer>1999</answer>", "1999", True), ("<answer>12 June 2024</answer>", "June 12, 2024", True),
        ("<answer>2024-06-12</answer>", "June 12, 2024", True), ("<answer>12th June</answer>", "June 12", True),
        ("<answer>June 12th</answer>", "June 12", True), ("<answer>Jun 12</answer>", "June 12", True),
        ("<answer>June the 12th</answer>", "June 12", True), ("<answer>12 July</answer>", "June 12", False),
        ("<answer>June 21</answer>", "June 12", False), ("<answer>June</answer>", "June", True),
        ("<answer>June 12 or 13</answer>", "June 12", False),
        ("<answer>between June 12 and June 14</answer>", "June 12", False),
    ],
    "self": [
        ("\\boxed{0}", "0", True), ("\\boxed{0.25}", "0.25", True),
        ("\\boxed{2 \\frac{1}{3} hours}", "2 \\frac{1}{3} hours", True), ("\\boxed{10^{80}}", "10^{80}", True),
        ("\\boxed{25岁}", "25岁", True), ("\\boxed{3:5}", "3:5", True), ("\\boxed{2^{12}}", "2^{12}", True),
        ("\\boxed{3k+1}", "3k+1", True), ("\\boxed{4 \\text{ or } 9}", "4 \\text{ or } 9", True),
        ("\\boxed{7万}", "7万", True), ("\\boxed{2.5 \\times 10^{-3}}", "2.5 \\times 10^{-3}", True),
        ("\\boxed{75\\%}", "75\\%", True), ("\\boxed{\\frac{2-i\\sqrt{5}}{3}}", "\\frac{2-i\\sqrt{5}}{3}", True),
        ("\\boxed{\\left(\\frac{1}{3},\\,-4\\right)}", "\\left(\\frac{1}{3},\\,-4\\right)", True),
        ("\\boxed{e^{-3x}}", "e^{-3x}", True), ("\\boxed{n(n-1)/2}", "n(n-1)/2", True), ("\\boxed{no}", "no", True),
        ("\\boxed{№7}", "№7", True), ("\\boxed{\\tan^{-1} 2}", "\\tan^{-1} 2", True),
        ("\\boxed{3+\\sqrt{2}}", "3+\\sqrt{2}", True), ("\\boxed{4,9}", "4,9", True),
        ("\\boxed{\\$5.50}", "\\$5.50", True), ("\\boxed{C_{10}^3}", "C_{10}^3", True),
        ("\\boxed{\\sum_{i=1}^n i}", "\\sum_{i=1}^n i", True),
    ],
    "self answer": [
        ("<reasoning>w</reasoning><answer>(0,\\infty)</answer>", "(0,\\infty)", True),
        ("<reasoning>w</reasoning><answer>(6,1,-1)</answer>", "(6,1,-1)", True),
        ("<reasoning>w</reasoning><answer>-\\tan x</answer>", "-\\tan x", True),
        ("<reasoning>w</reasoning><answer>1 \\frac{1}{3} hours</answer>", "1 \\frac{1}{3} hours", True),
        ("<reasoning>w</reasoning><answer>2.\\dot{7}</answer>", "2.\\dot{7}", True),
        ("<reasoning>w</reasoning><answer>12\\frac{1}{3}\\%</answer>", "12\\frac{1}{3}\\%", True),
        ("<reasoning>w</reasoning><answer>3:4</answer>", "3:4", True),
        ("<reasoning>w</reasoning><answer>15^\\circ, 75^\\circ</answer>", "15^\\circ, 75^\\circ", True),
        ("<reasoning>w</reasoning><answer>\\arcsin\\frac{1}{3}</answer>", "\\arcsin\\frac{1}{3}", True),
        (
            "<reasoning>w</reasoning><answer>\\frac{\\pi}{3} + k\\pi, k \\in \\mathbb{Z}</answer>",
            "\\frac{\\pi}{3} + k\\pi, k \\in \\mathbb{Z}",
            True,
        ),
        ("<reasoning>w</reasoning><answer>\\pm\\frac{2}{5}</answer>", "\\pm\\frac{2}{5}", True),
        ("<reasoning>w</reasoning><answer>\\text{(B), (D)}</answer>", "\\text{(B), (D)}", True),
        (
            "<reasoning>w</reasoning><answer>\\text{2 hours and 15 minutes}</answer>",
            "\\text{2 hours and 15 minutes}",
            True,
        ),
        ("<reasoning>w</reasoning><answer>\\{2\\pm\\sqrt{3},-1\\}</answer>", "\\{2\\pm\\sqrt{3},-1\\}", True),
        ("<reasoning>w</reasoning><answer>y = \\pm\\frac{2}{3}x</answer>", "y = \\pm\\frac{2}{3}x", True),
        ("<reasoning>w</reasoning><answer>¾</answer>", "¾", True),
        ("<reasoning>w</reasoning><answer>№9</answer>", "№9", True),
        ("<reasoning>w</reasoning><answer>√5</answer>", "√5", True),
        ("<reasoning>w</reasoning><answer>x \\ne 3</answer>", "x \\ne 3", True),
        ("<reasoning>w</reasoning><answer>False</answer>", "False", True),
        ("<reasoning>w</reasoning><answer>8 PM</answer>", "8 PM", True),
        ("<reasoning>w</reasoning><answer>2024-01-05</answer>", "2024-01-05", True),
        ("<reasoning>w</reasoning><answer>1/3</answer>", "1/3", True),
        ("<reasoning>w</reasoning><answer>\\frac{1}{e}</answer>", "\\frac{1}{e}", True),
    ],
    "self sentence": [
        ("The answer is $(-\\infty,0)$.", "(-\\infty,0)", True),
        ("The answer is $12\\frac{1}{3}\\%$.", "12\\frac{1}{3}\\%", True),
        ("The answer is $15^\\circ, 75^\\circ$.", "15^\\circ, 75^\\circ", True),
        ("The answer is $\\binom{9}{4}$.", "\\binom{9}{4}", True),
        ("The answer is $\\frac{2-i\\sqrt{5}}{3}$.", "\\frac{2-i\\sqrt{5}}{3}", True),
        ("The answer is $\\frac{p+q}{r}$.", "\\frac{p+q}{r}", True),
        ("The answer is $\\mathbb{Z}$.", "\\mathbb{Z}", True),
        ("The answer is $\\sqrt[4]{7}$.", "\\sqrt[4]{7}", True),
        ("The answer is $\\text{7 PM}$.", "\\text{7 PM}", True),
        ("The answer is $\\{(3,4),(5,6)\\}$.", "\\{(3,4),(5,6)\\}", True),
        ("The answer is $x \\ne 5$.", "x \\ne 5", True), ("The answer is 9 876.", "9 876", True),
        ("The answer is 90!.", "90!", True), ("The answer is 10^{80}.", "10^{80}", True),
        ("The answer is 7!.", "7!", True), ("The answer is 3:4.", "3:4", True),
        ("The answer is 8, -5.", "8, -5", True), ("The answer is BD.", "BD", True),
        ("The answer is p=3, q=4.", "p=3, q=4", True), ("The answer is f(x) = 3x.", "f(x) = 3x", True),
        ("The answer is a - b.", "a - b", True), ("The answer is ¾.", "¾", True),
        ("The answer is False.", "False", True), ("The answer is 3x+1.", "3x+1", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CASES))
def test_a_kind(kind: str) -> None:
    misjudged = [case for case in CASES[kind] if grade(case[0], case[1]).lenient is not case[2]]
    assert misjudged == []


@pytest.mark.parametrize(
    "words",
    [
        "is eliminated", "can be eliminated", "is ruled out", "was rejected", "is excluded", "would be wrong",
        "must be wrong", "does not apply", "fails", "is a distractor", "is clearly wrong", "seems unlikely",
        "is less likely than C",
    ],
)  # fmt: skip
def test_a_letter_that_is_left_out_is_not_chosen(words: str) -> None:
    for text in (f"<answer>B {words}</answer>", f"<answer>Option B {words}.</answer>", f"So (B) {words}."):
        assert not grade(text, "B").lenient, text


@pytest.mark.parametrize("text", ["The answer is B?", "So is it B?", "Is the answer B?"])
def test_a_letter_that_is_asked_for_is_not_chosen(text: str) -> None:
    assert not grade(text, "B").lenient


@pytest.mark.parametrize("stated", ["“B”", "«B»", "„B“", "✅ B", "✔️ B) Paris", "选项B", "B选项"])
def test_a_letter_is_read_beside_quotes_and_ticks(stated: str) -> None:
    assert grade(f"<answer>{stated}</answer>", "B").lenient
    assert not grade(f"<answer>{stated}</answer>", "C").lenient


PARTS = [
    "2 hours 30 minutes", "2 hours, 30 minutes", "2 hours and 30 minutes", "2 h 30 min", "2h 30min", "2 hrs, 30 mins",
    "2 hr. 30 min", "2 \\text{ hours and } 30 \\text{ minutes}", "2-hour 30-minute",
]  # fmt: skip


@pytest.mark.parametrize("gold", PARTS[:-1])
@pytest.mark.parametrize("form", ["<answer>{}</answer>", "\\boxed{{{}}}"])
def test_a_quantity_in_several_units_is_the_same_in_every_spelling(gold: str, form: str) -> None:
    for stated in PARTS:
        assert grade(form.format(stated), gold).lenient, stated
    for stated in (
        "2 hours 3 minutes",
        "2 hours",
        "30 hours 2 minutes",
        "2 hours or 30 minutes",
        "2 minutes 30 seconds",
    ):
        assert not grade(form.format(stated), gold).lenient, stated


@pytest.mark.parametrize(
    ("stated", "gold", "right"),
    [
        ("DNE", "does not exist", True),
        ("\\text{Does not exist}", "DNE", True),
        ("The limit does not exist", "DNE", True),
        ("0", "DNE", False),
        ("\\infty", "Infinity", True),
        ("-\\infty", "-Infinity", True),
        ("-\\infty", "Infinity", False),
        ("Infinity", "-\\infty", False),
        ("Tuesday, not Monday", "Tuesday", True),
        ("Tuesday, not Monday", "Monday", False),
        ("Yes, not really", "yes", False),
        ("Paris. That is wrong", "Paris", False),
        ("Paris - which is wrong", "Paris", False),
        ("Paris. That can't be right.", "Paris", False),
        ("It is wrong that it is Paris", "Paris", False),
        ("The incorrect option is Paris", "Paris", False),
        ("False, because it is wrong for x = 3", "false", True),
        ("The claim is incorrect", "incorrect", True),
    ],
)
def test_words_have_their_other_names_and_may_be_taken_back(stated: str, gold: str, right: bool) -> None:
    for form in ("<answer>{}</answer>", "\\boxed{{{}}}"):
        assert grade(form.format(stated), gold).lenient is right


@pytest.mark.parametrize(
    ("stated", "gold", "right"),
    [
        ("before 3:30 PM", "3:30 PM", False),
        ("an hour after 3:30 PM", "3:30 PM", False),
        ("later than 3:30 PM", "3:30 PM", False),
        ("3:30 PM to 4", "3:30 PM", False),
        ("3 - 3:30 PM", "3:30 PM", False),
        ("3:30 PM plus 10 minutes", "3:30 PM", False),
        ("She arrives at 3:30 PM, after lunch", "3:30 PM", True),
        ("3:30 PM (the bus to town)", "3:30 PM", True),
        ("5 hours", "5 PM", False),
        ("5 minutes", "5 PM", False),
        ("$5", "5 PM", False),
        ("5%", "5 PM", False),
        ("5", "5 PM", True),
        ("5 in the afternoon", "5 PM", True),
        ("the day after May 5", "May 5", False),
        ("two days before 5 May", "May 5", False),
        ("May 5-6", "May 5", False),
        ("May 5 to 6", "May 5", False),
        ("May 5, 2024", "May 5", True),
        ("It ends on May 5th, before the holidays", "May 5", True),
        ("2024-05-05", "May 5, 2024", True),
        ("twelve hundred", "12", False),
        ("twelve hundred", "1200", True),
    ],
)
def test_a_bound_a_range_or_a_duration_is_no_time_and_no_date(stated: str, gold: str, right: bool) -> None:
    for form in ("<answer>{}</answer>", "\\boxed{{{}}}"):
        assert grade(form.format(stated), gold).lenient is right


@pytest.mark.parametrize(
    ("stated", "gold", "right"),
    [
        ("half past 3", "3:30", True), ("half past 3pm", "3:30 PM", True), ("3:30", "half past 3", True),
        ("a quarter to 4 p.m.", "3:45 PM", True), ("a quarter to 4 a.m.", "3:45 PM", False),
        ("20 minutes past 3", "3:20", True), ("20 minutes to 3", "2:40", True), ("ten past 3", "3:10", True),
        ("quarter after 7 pm", "7:15 PM", True), ("3.30 pm", "3:30 PM", True), ("15.30 Uhr", "15:30", True),
        ("15 Uhr 30", "15:30", True), ("15 Uhr und 30 Minuten", "15:00", False), ("15 Uhr", "15:00", True),
        ("3:30 in the afternoon", "3:30 PM", True), ("3:30 in the morning", "3:30 PM", False),
        ("quarter past 3", "3:45", False), ("half past 4", "3:30", False), ("after half past 3", "3:30", False),
        ("half past 3 or half past 4", "3:30", False), ("half past 13", "13:30", False), ("3:30?", "3:30", False),
        ("half past 3?", "3:30", False), ("5 May?", "5 May", False), ("ten to twelve", "ten to twelve", True),
        ("11:50", "ten to twelve", False), ("5 to 7", "5-7", True),
    ],
)  # fmt: skip
def test_times_as_they_are_spoken(stated: str, gold: str, right: bool) -> None:
    assert grade(f"<answer>{stated}</answer>", gold).lenient is right


@pytest.mark.parametrize(("stated", "gold", "right"), [
    ("7 out of 10", "7/10", True), ("7 in 10", "0.7", True), ("1 in every 4", "1/4", True),
    ("14 out of 20", "7/10", True),
    ("7 out of 10", "7", True), ("7 out of 11", "7/10", False), ("not 7 out of 10", "7/10", False),
    ("7 out of 10 or 8 out of 10", "7/10", False), ("1 in 4 is wrong", "1/4", False), ("10 in 7", "7/10", False),
])  # fmt: skip
def test_a_share_in_words(stated: str, gold: str, right: bool) -> None:
    assert grade(f"<answer>{stated}</answer>", gold).lenient is right


@pytest.mark.parametrize("text", ["<answer>{}</answer>", "\\boxed{{{}}}", "The answer is {}.", "So she has {} eggs."])
def test_a_dozen_is_no_unit_unless_it_is_asked_for(text: str) -> None:
    for packs in ("18 dozen", "18 dozens", "18 tens", "18 tenths", "18 halves"):
        assert not grade(text.format(packs), "18", "How many eggs are there?").lenient
        assert not is_answer(packs, "18")
    assert grade(text.format("18 dozen"), "18", "How many dozens of eggs are there?").lenient
    assert grade(text.format("18 dozen"), "18 dozen", "How many eggs are there?").lenient
    assert not grade(text.format("18\\text{ dozen}"), "18", "How many eggs are there?").lenient


@pytest.mark.parametrize(("text", "question"), [
    ("The answer is 6 halves.", "Ann cuts 3 apples in half. How many pieces are there?"),
    ("She gets 6 thirds", "A third of a pizza is a slice. How many slices are 2 pizzas?"),
    ("The answer is 6\n\nDozens: half a dozen", "How many eggs are there?"),
    ("6\n\nThirds are equal parts.", "How many eggs are there?"),
])  # fmt: skip
def test_a_pack_that_the_question_names_or_that_stands_on_another_line_makes_no_other_number(
    text: str, question: str
) -> None:
    assert grade(text, "6", question).lenient


@pytest.mark.parametrize(
    "stated", ["Only B", "only B.", "Just B", "The answer is only B", "B alone", "B (not A)", "Ｂ", "Ⓑ"]
)
def test_one_letter_alone(stated: str) -> None:
    assert grade(f"<answer>{stated}</answer>", "B").lenient
    assert not grade(f"<answer>{stated}</answer>", "A").lenient
    assert not grade(f"<answer>not {stated}</answer>", "B").lenient


@pytest.mark.parametrize(
    ("stated", "gold", "right"),
    [
        ("March 5, 2024", "2024-03-05 00:00:00", True), ("2024-03-05", "2024-03-05T00:00:00", True),
        ("midnight", "2024-03-05 00:00:00", False), ("5 May 2024", "2024-03-05 00:00:00", False),
        ("2024-03-05 15:30", "2024-03-05 15:30", True), ("March 5, 2024, 3:30 PM", "2024-03-05 15:30", True),
        ("15:30", "2024-03-05 15:30", False), ("2024-03-05", "2024-03-05 15:30", False),
        ("2024-03-05 15:31", "2024-03-05 15:30", False), ("2024-03-06 15:30", "2024-03-05 15:30", False),
        ("5 May", "5 May at 3:30 pm", False), ("3:30 pm on May 5", "5 May at 3:30 pm", True),
        ("5 May, 15:30", "3:30 pm, May 5", True), ("5 May or 6 May at 3:30 pm", "5 May at 3:30 pm", False),
    ],
)  # fmt: skip
def test_a_day_with_its_time(stated: str, gold: str, right: bool) -> None:
    assert grade(f"<answer>{stated}</answer>", gold).lenient is right
