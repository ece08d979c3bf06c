"""Some common words are said in the other language, English or Spanish, as people do who live in both.

    >>> change("My card was not in the bank today", Config(share=1), np.random.default_rng(0))
    'My tarjeta estaba no en the banco hoy'
    >>> change("Mi tarjeta no llega hoy", Config(share=1), np.random.default_rng(0))
    'Mi card not llega today'

Of the n words that the list knows max(1, round(share * n)) are drawn; case is kept. The list, made for this project,
has some 180 pairs of one word each. Not done: articles, gender and verb forms that fit; whole phrases; Spanish typed
without its accents; a word's other senses (a bill to pay and a bill in parliament).
Source: Poplack 1980, "Sometimes I'll start a sentence in Spanish y termino en español", Linguistics 18: what it is.
"""

import re
import unicodedata
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

_PAIRS = """
and=y but=pero or=o because=porque with=con without=sin for=para from=desde in=en after=tras until=hasta between=entre
about=sobre against=contra during=durante toward=hacia if=si when=cuando where=dónde what=qué who=quién how=cómo
which=cuál not=no yes=sí is=es are=son was=estaba now=ahora today=hoy tomorrow=mañana yesterday=ayer always=siempre
never=nunca here=aquí there=allí also=también very=muy more=más less=menos much=mucho many=muchos all=todos every=cada
other=otro new=nuevo old=viejo good=bueno bad=malo big=grande small=pequeño first=primero last=último next=próximo
only=solo still=todavía already=ya almost=casi nothing=nada something=algo somebody=alguien nobody=nadie two=dos
three=tres four=cuatro five=cinco ten=diez thanks=gracias hello=hola
pay=pagar buy=comprar sell=vender send=enviar change=cambiar open=abrir close=cerrar call=llamar find=encontrar use=usar
know=saber see=ver cancel=cancelar travel=viajar wait=esperar help=ayudar explain=explicar eat=comer drink=beber
sleep=dormir write=escribir read=leer learn=aprender receive=recibir lose=perder sign=firmar ask=preguntar
return=devolver
card=tarjeta money=dinero bank=banco account=cuenta house=casa home=hogar water=agua day=día days=días week=semana
weeks=semanas month=mes months=meses year=año years=años hour=hora hours=horas minutes=minutos night=noche time=tiempo
name=nombre number=número phone=teléfono letter=carta address=dirección street=calle city=ciudad country=país
price=precio payment=pago bill=factura receipt=recibo key=llave password=contraseña problem=problema question=pregunta
answer=respuesta patient=paciente pain=dolor head=cabeza hand=mano heart=corazón blood=sangre fever=fiebre cough=tos
medicine=medicina pill=pastilla appointment=cita nurse=enfermera family=familia mother=madre father=padre son=hijo
daughter=hija brother=hermano sister=hermana wife=esposa husband=esposo child=niño children=niños man=hombre woman=mujer
people=gente friend=amigo work=trabajo job=empleo office=oficina school=escuela book=libro food=comida bread=pan
milk=leche coffee=café car=coche train=tren ticket=boleto flight=vuelo trip=viaje music=música movie=película game=juego
door=puerta table=mesa light=luz law=ley contract=contrato lawyer=abogado company=empresa customer=cliente order=pedido
store=tienda market=mercado tax=impuesto loan=préstamo debt=deuda insurance=seguro transfer=transferencia balance=saldo
exchange=cambio currency=moneda machine=máquina computer=computadora email=correo message=mensaje
"""
_TO_ES = dict(pair.split("=") for pair in _PAIRS.split())
TO = {
    "es": _TO_ES,
    "en": {spanish: english for english, spanish in _TO_ES.items()},
}  # language -> word -> its word there
_WORD = re.compile(r"[^\W\d_]+")


class Config(BaseModel, frozen=True, extra="forbid"):
    """How much, and into which language."""

    share: float = Field(default=0.5, gt=0, le=1, description="of the words that the list knows")
    to: Literal["either", "en", "es"] = Field(
        default="either", description="the other language; either: the one that the text has fewer known words of"
    )


def change(text: str, config: Config, rng: np.random.Generator) -> str | None:
    """The text with words of the other language; None where the list knows none of its words."""
    composed = unicodedata.normalize("NFC", text)
    found = {to: [match for match in _WORD.finditer(composed) if match[0].lower() in TO[to]] for to in TO}
    to = max(found, key=lambda one: len(found[one])) if config.to == "either" else config.to
    known = found[to]
    if not known:
        return None
    drawn = rng.permutation(len(known))[: max(1, round(config.share * len(known)))]
    for match in (known[place] for place in sorted(drawn, reverse=True)):  # from the end: earlier places stay
        new = _cased(TO[to][match[0].lower()], match[0])
        composed = composed[: match.start()] + new + composed[match.end() :]
    return composed


def _cased(new: str, old: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new
